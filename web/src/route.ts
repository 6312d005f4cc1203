/** Which page is shown. It is in the fragment, so the server needs to know only `/console/`. */

import { createStore } from "./store.ts";

export type Route = { page: "library" } | { page: "events" } | { page: "deliveries"; endpoint: string } | { page: "explain" } | { page: "file"; fileId: string };

export function parseRoute(hash: string): Route {
  const [, page, argument] = hash.replace(/^#/, "").split("/");
  if (page === "deliveries") return { page, endpoint: argument ?? "" };
  if (page === "events" || page === "explain") return { page };
  if (page === "file" && argument && /^\d+$/.test(argument)) return { page, fileId: argument };
  return { page: "library" };
}

export function routeHref(route: Route): string {
  switch (route.page) {
    case "library":
      return "#/";
    case "file":
      return `#/file/${route.fileId}`;
    case "deliveries":
      return route.endpoint === "" ? "#/deliveries" : `#/deliveries/${route.endpoint}`;
    default:
      return `#/${route.page}`;
  }
}

export const route = createStore<Route>({ page: "library" });

/** Follows the address bar from now on. */
export function followAddress(): void {
  const take = () => route.set(parseRoute(location.hash));
  window.addEventListener("hashchange", take);
  take();
}

export function goTo(target: Route): void {
  location.hash = routeHref(target);
}
