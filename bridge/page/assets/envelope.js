// Reading an envelope: what is looked at before its operation is known, in the order in which the bridge looks at it.

const LONE_SURROGATE = /[\ud800-\udfff]/u;

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
