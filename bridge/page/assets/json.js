// Reading JSON as the bridge does: a whole number is not a fraction, a member given twice is refused, and what
// is wrong is told by line and column. JSON.parse tells none of this.
//
// A whole number becomes a BigInt, a fraction a number, an object a Map.

class Refusal extends Error {}

class NotJson extends Error {
  constructor(reason, position) {
    super(reason);
    this.position = position;
  }
}

const LONGEST_NUMBER = 1000;
const CURLY_QUOTES = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u2033\u00ab\u00bb";
const CHARACTER_NAMES = {
  "\u00a0": "a no-break space",
  "\ufeff": "a zero width no-break space",
  "\u201c": "a left double quotation mark",
  "\u201d": "a right double quotation mark",
  "\u201e": "a double low-9 quotation mark",
  "\u2018": "a left single quotation mark",
  "\u2019": "a right single quotation mark",
  "\u201a": "a single low-9 quotation mark",
  "\u00ab": "a left-pointing double angle quotation mark",
  "\u00bb": "a right-pointing double angle quotation mark",
  "\u2033": "a double prime",
  "\u200b": "a zero width space",
  "\u2013": "an en dash",
  "\u2014": "an em dash",
};

const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

class JsonReader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  document() {
    this.blanks();
    const value = this.value();
    this.blanks();
    if (this.at < this.text.length) throw new NotJson("extra data", this.at);
    return value;
  }

  blanks() {
    while (this.at < this.text.length && " \t\n\r".includes(this.text[this.at])) this.at += 1;
  }

  value() {
    const { text, at } = this;
    switch (text[at]) {
      case '"':
        return this.string();
      case "{":
        return this.object();
      case "[":
        return this.array();
    }
    for (const [word, value] of [["null", null], ["true", true], ["false", false]]) {
      if (text.startsWith(word, at)) {
        this.at += word.length;
        return value;
      }
    }
    const number = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
    number.lastIndex = at;
    const match = number.exec(text);
    if (match) {
      this.at += match[0].length;
      return this.number(match[0], match[1] !== undefined || match[2] !== undefined);
    }
    for (const constant of ["NaN", "Infinity", "-Infinity"]) {
      if (text.startsWith(constant, at)) throw new NotJson(`expecting value, not ${constant}`, at);
    }
    throw new NotJson("expecting value", at);
  }

  number(text, isFraction) {
    if (!isFraction) {
      if (text.length > LONGEST_NUMBER) {
        throw new Refusal(`the body cannot be taken: a number of ${text.length} digits is too large`);
      }
      return BigInt(text);
    }
    const number = Number(text);
    if (!Number.isFinite(number)) {
      throw new Refusal(`the body cannot be taken: the number ${quoted(text)} is too large`);
    }
    return number;
  }

  string() {
    const begin = this.at;
    let result = "";
    for (this.at += 1; ; ) {
      const char = this.text[this.at];
      if (char === undefined) throw new NotJson("unterminated string starting", begin);
      if (char === '"') {
        this.at += 1;
        return result;
      }
      if (char < " ") throw new NotJson("invalid control character", this.at);
      result += char === "\\" ? this.escape(begin) : char;
      this.at += 1;
    }
  }

  escape(begin) {
    const sign = this.text[this.at + 1];
    if (sign === undefined) throw new NotJson("unterminated string starting", begin);
    if (sign === "u") {
      const digits = this.text.slice(this.at + 2, this.at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw new NotJson("invalid \\uXXXX escape", this.at + 1);
      this.at += 5;
      return String.fromCharCode(parseInt(digits, 16));
    }
    if (!Object.hasOwn(ESCAPES, sign)) throw new NotJson("invalid \\escape", this.at);
    this.at += 1;
    return ESCAPES[sign];
  }

  array() {
    const items = [];
    this.at += 1;
    this.blanks();
    if (this.text[this.at] === "]") {
      this.at += 1;
      return items;
    }
    for (;;) {
      items.push(this.value());
      if (this.ends("]")) return items;
    }
  }

  object() {
    const members = new Map();
    let twice;
    this.at += 1;
    this.blanks();
    if (this.text[this.at] === "}") {
      this.at += 1;
      return members;
    }
    for (;;) {
      if (this.text[this.at] !== '"') {
        throw new NotJson("expecting property name enclosed in double quotes", this.at);
      }
      const key = this.string();
      this.blanks();
      if (this.text[this.at] !== ":") throw new NotJson("expecting ':' delimiter", this.at);
      this.at += 1;
      this.blanks();
      const value = this.value();
      if (members.has(key)) twice ??= key;
      members.set(key, value);
      if (this.ends("}")) break;
    }
    if (twice !== undefined) {
      throw new Refusal(`the body cannot be taken: the key ${quoted(twice)} is given twice in one object`);
    }
    return members;
  }

  ends(bracket) {
    this.blanks();
    const char = this.text[this.at];
    if (char !== bracket && char !== ",") throw new NotJson("expecting ',' delimiter", this.at);
    this.at += 1;
    this.blanks();
    return char === bracket;
  }
}

// Read a request's body. Throws Refusal.
function readJson(text, limits) {
  try {
    return new JsonReader(text).document();
  } catch (error) {
    if (error instanceof NotJson) throw new Refusal(whatStandsThere(text, error));
    if (error instanceof RangeError) throw new Refusal(tooDeep(limits)); // the stack's end
    throw error;
  }
}

function tooDeep(limits) {
  return `the body is nested deeper than ${limits.depth} levels${by("limits.depth")}`;
}

// Names the setting behind a limit, for whoever runs the bridge and is asked why.
function by(setting) {
  return setting ? ` (the bridge's setting ${setting})` : "";
}

function whatStandsThere(text, error) {
  const position = error.position;
  const start = text.lastIndexOf("\n", position - 1) + 1;
  const line = text.slice(0, position).split("\n").length;
  const column = [...text.slice(start, position)].length + 1;
  let where = `the body is not JSON: line ${line}, column ${column}: ${error.message}`;
  const char = position < text.length ? String.fromCodePoint(text.codePointAt(position)) : "";
  if (!char) where += ", but the text ends there";
  else where += char > "\x7f" ? `, but ${characterName(char)} stands there` : `, found ${quoted(char)}`;
  const end = error.message.startsWith("unterminated") ? text.length : position;
  const before = [...text.slice(start, end)];
  const quote = before.findIndex((one) => CURLY_QUOTES.includes(one));
  if (quote >= 0) {
    const its = line + before.slice(0, quote).filter((one) => one === "\n").length;
    where += `; ${characterName(before[quote])} stands at line ${its}, column ${quote + 1}: use a straight quote`;
  }
  return where;
}

function characterName(char) {
  const code = char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  return `${CHARACTER_NAMES[char] ?? "the character"} (U+${code})`;
}

// Quote what was sent: bounded, on one line, in plain characters.
function quoted(text, limit = 60) {
  const shown = text.length > limit && [...text].length > limit ? [...text].slice(0, limit).join("") + "..." : text;
  const mark = shown.includes("'") && !shown.includes('"') ? '"' : "'";
  const signs = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\", [mark]: `\\${mark}` };
  const escaped = [...shown].map((char) => {
    const code = char.codePointAt(0);
    if (signs[char]) return signs[char];
    if (code >= 0x20 && code < 0x7f) return char;
    if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code < 0x10000
      ? `\\u${code.toString(16).padStart(4, "0")}`
      : `\\U${code.toString(16).padStart(8, "0")}`;
  });
  return mark + escaped.join("") + mark;
}

function jsonType(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (value instanceof Map) return "an object";
  const types = { string: "a string", bigint: "a number", number: "a number", boolean: "a boolean" };
  return types[typeof value];
}

// Letters in a form in which two spellings of a name are one, as Python's casefold() gives it.
function folded(text) {
  return /^[\x00-\x7f]*$/.test(text)
    ? text.toLowerCase()
    : [...text].map((char) => (char === "\u0131" ? char : char.toUpperCase().toLowerCase())).join("");
}

const BLANK = "[\\t-\\r\\x1c-\\x20\\x85\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const ENDS = new RegExp(`^${BLANK}+|${BLANK}+$`, "g");

// What Python's strip() leaves.
function trimmed(text) {
  return text.replace(ENDS, "");
}
