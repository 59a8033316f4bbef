// What the bridge would say of an envelope: the same steps in the same order as in the bridge, with the rules of the
// page's operations. Knows no page: it runs wherever JavaScript does.

const LONGEST_ADDRESS = 128;
const LONGEST_CHANNEL = 255;
const LONGEST_KEY = 255;
const LONE_SURROGATE = /[\ud800-\udfff]/u;
const NO_DEADLINE = "x-deadline and expiration must be whole numbers of milliseconds, x-deadline in unix time";

class Answered extends Error {
  constructor(verdict) {
    super(verdict.reason);
    this.verdict = verdict;
  }
}

// Return what the bridge would do with `text`, published with `properties` {replyTo, correlationId, messageId,
// idempotencyKey, deadline}, each a string that is empty where it is not set.
//
// outcome: "accepted", "refused" or "dead-lettered"; errorType and reason where it is not accepted; operation and
// route where they can be told; details [{field, problem}]; reply: what the requester gets in words of JSON;
// ignored (names of members that nobody reads) where it can be told; sideEffect and key where it is accepted.
function checkEnvelope(text, properties, rules) {
  const known = { operation: null, route: null, channel: null, ignored: [] };
  try {
    return accepted(text, { ...NO_PROPERTIES, ...properties }, rules, known);
  } catch (error) {
    if (!(error instanceof Answered)) throw error;
    const verdict = { outcome: "refused", ...known, details: null, ...error.verdict };
    if (verdict.outcome === "refused") verdict.reply = failureReply(verdict, rules);
    return verdict;
  }
}

const NO_PROPERTIES = { replyTo: "", correlationId: "", messageId: "", idempotencyKey: "", deadline: "" };

function accepted(text, properties, rules, known) {
  if (rules.ownQueues.includes(properties.replyTo)) {
    unanswered("reply-to-refused", "reply_to names one of the bridge's own queues");
  }
  const envelope = readEnvelope(text, rules.limits, known);
  const [operation, route, refusal] = find(envelope, rules);
  known.operation = operation.name;
  known.route = route;
  if (envelope.data) known.ignored = ignoredIn(envelope, operation);
  checkDeadline(properties.deadline);
  const key = keyOf(properties);
  if (refusal) refuseData([{ field: "data", problem: envelope.data ? refusal : "must be an object" }]);
  if (!envelope.data) refuseData([{ field: "data", problem: "must be an object" }]);
  const { values, details } = readFields(operation.fields, envelope.data);
  if (details.length > 0) refuseData(details);
  const sideEffect = operation.effectWhen
    ? isSame(values.get(operation.effectWhen.field), ofJson(operation.effectWhen.value))
    : operation.effect;
  return { outcome: "accepted", ...known, sideEffect, key };
}

// --- the envelope ---------------------------------------------------------------------------------

function readEnvelope(text, limits, known) {
  const value = bodyOf(text, limits);
  try {
    if (deeperThan(value, limits.depth)) refuse(tooDeep(limits));
    const half = loneSurrogate(value);
    if (half !== undefined) {
      refuse(`the string ${quoted(half)} holds half of a surrogate pair, which is no character`);
    }
    const longest = longestIn(value);
    if (longest > limits.stringChars) {
      const most = `at most ${limits.stringChars} are taken${by("limits.string_chars")}`;
      refuse(`the body holds a string of ${longest} characters; ${most}`);
    }
    if (!(value instanceof Map)) refuse(`the body must be a JSON object, not ${jsonType(value)}`);
    const envelope = envelopeOf(value);
    known.channel = envelope.channel;
    return envelope;
  } catch (error) {
    known.channel = certainChannel(value);
    throw error;
  }
}

function bodyOf(text, limits) {
  const size = new TextEncoder().encode(text).length;
  if (size > limits.bodyBytes) {
    refuse(`the body has ${size} bytes; at most ${limits.bodyBytes} are taken${by("limits.body_bytes")}`);
  }
  const body = text.startsWith("\ufeff") ? text.slice(1) : text;
  if (/^[ \t\r\n]*$/.test(body)) refuse("the body is not JSON: it is empty");
  const values = valuesIn(body);
  if (values > limits.values) {
    const most = `at most ${limits.values} are taken${by("limits.json_values")}`;
    refuse(`the objects and arrays of the body have ${values} values; ${most}`);
  }
  try {
    return readJson(body, limits);
  } catch (error) {
    if (error instanceof Refusal) refuse(error.message);
    throw error;
  }
}

function envelopeOf(value) {
  const members = uniqueMembers(value, "");
  if (
    members.has("message") &&
    (!members.has("data") || (members.get("data") === null && members.get("message") !== null))
  ) {
    unanswered("reply-as-request", "the envelope is a reply");
  }
  const [channel, topic, subtopic] = ["channel", "topic", "subtopic"].map((name) => {
    if (!members.has(name)) refuse(`${name} is missing`);
    const text = members.get(name);
    if (typeof text !== "string") refuse(`${name} must be a string, not ${jsonType(text)}`);
    return text;
  });
  const data = members.get("data") instanceof Map ? members.get("data") : null;
  if (data) uniqueMembers(data, "data.");
  return { channel, topic, subtopic, data, members };
}

function uniqueMembers(value, path) {
  const members = new Map();
  const spellings = new Map();
  for (const [key, member] of value) {
    const name = folded(key);
    if (spellings.has(name)) {
      const first = spellings.get(name);
      refuse(
        `${quoted(path + key)} is given twice (also as ${quoted(path + first)}); ` +
          "keys are matched without regard to case",
      );
    }
    spellings.set(name, key);
    members.set(name, member);
  }
  return members;
}

function certainChannel(value) {
  const channels = value instanceof Map ? [...value].filter(([key]) => folded(key) === "channel") : [];
  const [, channel] = channels.length === 1 ? channels[0] : [];
  return typeof channel === "string" && !LONE_SURROGATE.test(channel) ? channel : null;
}

function children(value) {
  if (value instanceof Map) return [...value.values()];
  return Array.isArray(value) ? value : [];
}

function deeperThan(value, limit) {
  let level = [value];
  for (let depth = 0; depth < limit; depth += 1) level = level.flatMap(children);
  return level.some((one) => one instanceof Map || Array.isArray(one));
}

// A value and everything within it.
function* everyValue(root) {
  const waiting = [root];
  while (waiting.length > 0) {
    const value = waiting.pop();
    yield value;
    for (const child of children(value)) waiting.push(child); // spread, too many would be too many arguments
  }
}

function* everyString(root) {
  for (const value of everyValue(root)) {
    if (typeof value === "string") yield value;
    else if (value instanceof Map) yield* value.keys();
  }
}

function loneSurrogate(root) {
  for (const text of everyString(root)) if (LONE_SURROGATE.test(text)) return text;
  return undefined;
}

function valuesIn(text) {
  const bare = text.replace(/"(?:[^"\\]|\\.)*"?/gs, "0").replace(/[ \t\r\n]/g, "");
  const count = (sign) => bare.split(sign).length - 1;
  return count(",") + count("[") + count("{") - count("[]") - count("{}");
}

function longestIn(root) {
  let longest = 0;
  for (const text of everyString(root)) {
    if (text.length > longest) longest = Math.max(longest, [...text].length);
  }
  return longest;
}

// --- the operation --------------------------------------------------------------------------------

function find(envelope, { operations, off }) {
  const given = [envelope.channel, envelope.topic, envelope.subtopic];
  const wanted = given.map((part) => folded(trimmed(part)));
  const owners = operations.flatMap((operation) =>
    operation.routes
      .filter((route) => route.request.every((part, index) => folded(part) === wanted[index]))
      .map((route) => ({ operation, route })),
  );
  if (owners.length === 0) {
    throw new Answered({ errorType: "UNKNOWN_OPERATION", reason: suggestion(given, operations, off) });
  }
  const [{ operation, route }] = owners;
  if (!route.toldBy) return [operation, route, null];
  const names = new Set([...(envelope.data ?? new Map()).keys()].map(folded));
  const told = owners.find((owner) => isTold(owner.route.toldBy, names));
  if (told) return [told.operation, told.route, null];
  if (owners.length > 1) {
    const by = owners.map((one) => `${one.operation.name} by ${either(one.route.toldBy)}`).join("; ");
    return [operation, route, `fits none of the operations under this subtopic: ${by}`];
  }
  return [operation, route, route.refuses && isTold(route.refuses, names) ? route.refuses.because : null];
}

function isTold({ members, least }, names) {
  return members.filter((member) => names.has(folded(member))).length >= least;
}

function either({ members, least }) {
  return members.length > 1 ? `${least} of ${members.join(", ")}` : members.join(", ");
}

function suggestion(given, operations, off) {
  if (given.some((part) => [...part].length > LONGEST_ADDRESS)) {
    return "no operation has a channel, topic or subtopic of this length";
  }
  const text = given.map(trimmed).join("/");
  const isOff = Object.entries(off).find(([address]) => folded(address) === folded(text));
  if (isOff) {
    return (
      `${quoted(text, Infinity)} is ${isOff[1]}, which comes with the bridge and is off here; ` +
      "the site's operators turn it on (operations.siblings)"
    );
  }
  const known = new Map();
  for (const operation of operations) {
    for (const route of operation.routes) known.set(folded(route.request.join("/")), route.request.join("/"));
  }
  const scored = [...known.keys()].map((one) => [likeness(one, folded(text)), one]);
  scored.sort((one, other) => other[0] - one[0] || (one[1] < other[1] ? 1 : -1));
  const nearest = known.get(scored[0][1]);
  return `${quoted(text, Infinity)} is no known channel/topic/subtopic; the nearest one is ${nearest}`;
}

// How much two texts have in common, as Python's difflib counts it (Ratcliff and Obershelp).
function likeness(one, other) {
  const [a, b] = [[...one], [...other]];
  const common = (fromA, toA, fromB, toB) => {
    let [length, startA, startB] = [0, fromA, fromB];
    for (let i = fromA; i < toA; i += 1) {
      for (let j = fromB; j < toB; j += 1) {
        let size = 0;
        while (i + size < toA && j + size < toB && a[i + size] === b[j + size]) size += 1;
        if (size > length) [length, startA, startB] = [size, i, j];
      }
    }
    if (length === 0) return 0;
    return (
      length + common(fromA, startA, fromB, startB) + common(startA + length, toA, startB + length, toB)
    );
  };
  return a.length + b.length === 0 ? 1 : (2 * common(0, a.length, 0, b.length)) / (a.length + b.length);
}

function ignoredIn(envelope, operation) {
  const taken = new Set(operation.fields.flatMap((field) => [field.name, ...field.aliases].map(folded)));
  const members = ["channel", "topic", "subtopic", "source", "data"];
  return [
    ...[...envelope.members.keys()].filter((name) => !members.includes(name)),
    ...(operation.echoes ? [] : [...envelope.data.keys()].filter((name) => !taken.has(folded(name))).map((name) => `data.${name}`)),
  ];
}

// --- the properties -------------------------------------------------------------------------------

function checkDeadline(deadline) {
  if (deadline && !/^[0-9]+$/.test(deadline)) refuse(NO_DEADLINE);
}

function keyOf(properties) {
  if (properties.idempotencyKey) {
    if ([...properties.idempotencyKey].length > LONGEST_KEY) {
      refuse(`the header idempotency-key must be text of 1 to ${LONGEST_KEY} characters`);
    }
    return "the header idempotency-key";
  }
  if (properties.messageId) return "message_id";
  return properties.replyTo && properties.correlationId ? "reply_to and correlation_id" : null;
}

// --- what is answered -----------------------------------------------------------------------------

function refuse(reason) {
  throw new Answered({ errorType: "INVALID_ENVELOPE", reason });
}

function refuseData(details) {
  const reason = details.map(({ field, problem }) => `${field} ${problem}`).join("; ");
  throw new Answered({ errorType: "INVALID_DATA", reason, details });
}

function unanswered(deadLetter, reason) {
  throw new Answered({ outcome: "dead-lettered", errorType: null, deadLetter, reason });
}

function failureReply({ errorType, reason, details, route, channel }, rules) {
  const { msg, retryable } = rules.errors[errorType];
  const failure = { errorType, errorMessage: [...reason].slice(0, 2000).join(""), msg, retryable };
  if (route) {
    if (!route.reply) return null;
    const [replyChannel, topic, subtopic] = route.reply;
    const response = { success: false, ...failure, ...(details && { details }) };
    return { channel: replyChannel, topic, subtopic, message: { response } };
  }
  const name = trimmed(channel ?? "");
  const isName = name.length > 0 && [...name].length <= LONGEST_CHANNEL;
  return { channel: isName ? name : "LCM", topic: "Error", subtopic: "ApiError", data: failure };
}
