/** A page for the SDK to run in: jsdom with its own XMLHttpRequest. */

import { JSDOM, ResourceLoader, VirtualConsole } from "jsdom";

/** An empty page at `url`. It takes any certificate: the tests make their own. */
export function inPage(url) {
  const { window } = new JSDOM("", {
    url,
    runScripts: "outside-only",
    resources: new ResourceLoader({ strictSSL: false }),
    virtualConsole: new VirtualConsole(),
  });
  return {
    window,
    /** Makes the page's names those of this process, for code that is imported instead of evaluated in the page. */
    becomeGlobal() {
      globalThis.window = window;
      for (const name of ["document", "location", "localStorage", "XMLHttpRequest", "FileReader", "File", "Blob", "DOMParser"]) {
        Object.defineProperty(globalThis, name, { value: window[name], configurable: true });
      }
      Object.defineProperty(globalThis, "navigator", { value: window.navigator, configurable: true });
    },
  };
}
