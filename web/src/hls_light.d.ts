/** The light build of hls.js (no subtitles, DRM or alternate audio) ships without its own declarations; it is a part of the full one. */
declare module "hls.js/light" {
  export { default } from "hls.js";
}
