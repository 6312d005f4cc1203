import { render } from "preact";
import { App } from "./app.tsx";
import { restoreLang } from "./i18n/index.ts";
import { followAddress } from "./route.ts";
import { guardUploads } from "./uploads.ts";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/library.css";
import "./styles/file.css";
import "./styles/explain.css";
import "./styles/events.css";

restoreLang();
followAddress();
guardUploads();
render(<App />, document.getElementById("app") as HTMLElement);
