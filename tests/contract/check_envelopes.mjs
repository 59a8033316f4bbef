// Runs the page's envelope checker: {script, rules, cases: [[text, properties], ...]} in, its verdicts out, as JSON.
import { readFileSync } from "node:fs";

const { script, rules, cases } = JSON.parse(readFileSync(0, "utf8"));
const checkEnvelope = new Function(`"use strict"; ${script}; return checkEnvelope;`)();
process.stdout.write(JSON.stringify(cases.map(([text, properties]) => checkEnvelope(text, properties, rules))));
