// The page works without any of this; each module adds one comfort and knows nothing of the others.
// Loaded as <script type="module">: deferred, strict, no build step.

import { start as exporting } from "./js/export.js";
import { start as filters } from "./js/filters.js";
import { start as fragments } from "./js/fragment.js";
import { start as keyboard } from "./js/keyboard.js";
import { start as live } from "./js/live.js";
import { start as navigation } from "./js/navigation.js";
import { start as preview } from "./js/preview.js";
import { start as promql } from "./js/promql.js";
import { start as suggest } from "./js/suggest.js";
import { start as theme } from "./js/theme.js";
import { start as tooltips } from "./js/tooltip.js";
import { start as waterfall } from "./js/waterfall.js";
import { start as whatIf } from "./js/what-if.js";
import { start as wide } from "./js/wide.js";

for (const start of [theme, navigation, tooltips, keyboard, filters, exporting, fragments, live, waterfall, whatIf, promql, preview, suggest, wide]) start(document);
document.documentElement.dataset.ready = "";
