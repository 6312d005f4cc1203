/** Who is signed in, and the one API client that knows it. */

import { Api } from "./api.ts";
import type { Session } from "./api_types.ts";
import { createStore } from "./store.ts";

/** `unknown` until the server was asked, null when nobody is signed in. */
export const session = createStore<Session | null | "unknown">("unknown");

/** Whether the session ended by itself, so that the sign-in page can say why it is there. */
export const sessionEnded = createStore(false);

export const api = new Api(undefined, () => {
  sessionEnded.set(true);
  session.set(null);
});

export async function restoreSession(): Promise<void> {
  session.set(await api.session());
}

export async function signIn(token: string): Promise<void> {
  session.set(await api.signIn(token));
  sessionEnded.set(false);
}

export async function signOut(): Promise<void> {
  await api.signOut();
  session.set(null);
}
