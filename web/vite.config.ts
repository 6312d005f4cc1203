import { defineConfig } from "vitest/config";

export default defineConfig({
  base: "/console/",
  // The sdk/js package is a link: without this its own copy of the official SDK would be bundled beside ours.
  resolve: { dedupe: ["vod-js-sdk-v6"] },
  build: {
    target: "es2022",
    // The console's Content-Security-Policy has no data: for scripts and fonts; everything is a file of its own.
    assetsInlineLimit: 0,
    // The official SDK brings an S3 client that it cannot do without; it is loaded with the first upload only.
    chunkSizeWarningLimit: 900,
    // Its SHA-1 has eval("require('crypto')") for Node; in a browser that branch is never taken.
    rolldownOptions: { checks: { eval: false } },
  },
  // `npm run dev` beside a running server: same origin for the browser, as in production.
  server: { proxy: Object.fromEntries(["/v1", "/v3", "/cos", "/play"].map((path) => [path, "http://127.0.0.1:8080"])) },
});
