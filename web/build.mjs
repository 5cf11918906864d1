// Bundles the page: `node build.mjs FOLDER` writes app.js, app.css, index.html and favicon.svg into it.
// The same sources make the same bytes, so that the files in the repository can be compared with a fresh build.
import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const folder = process.argv[2];
if (!folder) throw new Error("node build.mjs FOLDER");

await mkdir(folder, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: { app: "src/main.tsx" },
  outdir: folder,
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2022"],
  jsx: "automatic",
  jsxImportSource: "preact",
  charset: "utf8",
  legalComments: "eof",
  logLevel: "warning",
});
for (const name of ["index.html", "favicon.svg"]) await copyFile(join(here, name), join(folder, name));
