// Checks resources (YAML documents on standard input) against their types: first what each kind requires and the form of
// its values, then by TypeScript that it has no other members. Prints what is wrong, one line each; exit code 1 if anything is.

import fs from "node:fs";
import path from "node:path";
import ts from "typescript";
import { parseAllDocuments } from "yaml";

const PACKAGES = {
  "monitoring.coreos.com": "@kubernetes-models/prometheus-operator",
  "keda.sh": "@kubernetes-models/keda",
};

const problems = [];
const lines = [];
const resources = parseAllDocuments(fs.readFileSync(0, "utf8")).map((document) => document.toJS()).filter(Boolean);

for (const [number, resource] of resources.entries()) {
  const { apiVersion, kind } = resource;
  const name = `${kind} ${resource.metadata?.name}`;
  const module = `${PACKAGES[apiVersion.split("/")[0]] ?? "kubernetes-models"}/${apiVersion}/${kind}`;
  let types;
  try {
    types = await import(module);
  } catch {
    problems.push(`${name}: there are no types of ${apiVersion}`);
    continue;
  }
  try {
    new types[kind](resource).validate();
  } catch (error) {
    problems.push(`${name}: ${error.message}`);
  }
  lines.push(`import { I${kind} as Type${number} } from ${JSON.stringify(module)};`);
  lines.push(`export const resource${number}: Type${number} = ${JSON.stringify(resource)};`);
}

// Beside this script, where the packages are found; it is never written.
const file = path.join(import.meta.dirname, "resources.ts");
const options = { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022, strict: true, noEmit: true, skipLibCheck: true, types: [] };
const host = ts.createCompilerHost(options);
const { getSourceFile, fileExists, readFile } = host;
const text = lines.join("\n");
host.getSourceFile = (name, ...rest) => (name === file ? ts.createSourceFile(name, text, rest[0]) : getSourceFile(name, ...rest));
host.fileExists = (name) => name === file || fileExists(name);
host.readFile = (name) => (name === file ? text : readFile(name));
for (const found of ts.getPreEmitDiagnostics(ts.createProgram([file], options, host))) {
  const line = found.file && found.start !== undefined ? found.file.getLineAndCharacterOfPosition(found.start).line : 1;
  const resource = resources[Math.floor(line / 2)];
  problems.push(`${resource?.kind} ${resource?.metadata?.name}: ${ts.flattenDiagnosticMessageText(found.messageText, " ")}`);
}

process.stdout.write(problems.map((problem) => `${problem.replace(/\s*\n\s*/g, " ")}\n`).join(""));
process.exitCode = problems.length > 0 ? 1 : 0;
