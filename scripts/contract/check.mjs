// Reads an AsyncAPI document from standard input and prints what is wrong with it, one line each: what the parser finds,
// and examples that are not valid against the schemas of their own message. Ends with 1 if there is anything.
import { Parser } from "@asyncapi/parser";
import Ajv from "ajv";

let text = "";
for await (const piece of process.stdin) text += piece;

const found = [];
const { diagnostics } = await new Parser().parse(text);
for (const { severity, code, path, message } of diagnostics) {
  // The document is of version 3.0 on purpose: there are more tools for it than for 3.1.
  if (code !== "asyncapi-latest-version") found.push(`${severity} ${code} ${path.join(".")}: ${message}`);
}

// The parser does not hold the examples of a version 3 document against their schemas.
const ajv = new Ajv({ allErrors: true, strict: false });
ajv.addSchema(JSON.parse(text), "document");
let examples = 0;
for (const [name, message] of Object.entries(JSON.parse(text).components?.messages ?? {})) {
  for (const example of message.examples ?? []) {
    for (const part of ["headers", "payload"]) {
      const valid = ajv.compile({ $ref: `document#/components/messages/${name}/${part}` });
      examples += 1;
      if (valid(example[part])) continue;
      for (const { instancePath, message: fault } of valid.errors) found.push(`${name} ${part} ${instancePath}: ${fault}`);
    }
  }
}
if (!examples) found.push("no message has an example");

for (const line of found) console.log(line);
process.exit(found.length ? 1 : 0);
