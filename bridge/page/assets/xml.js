// Whether a text is XML as LCM takes it: well formed, with the root Data, without a document type. A browser's own
// parser would take a document type, and repairs nothing that helps here.

class NotXml extends Error {}

const XML_NAME_START =
  "A-Z_a-z\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u02ff\\u0370-\\u037d\\u037f-\\u1fff\\u200c\\u200d\\u2070-\\u218f" +
  "\\u2c00-\\u2fef\\u3001-\\ud7ff\\uf900-\\ufdcf\\ufdf0-\\ufffd";
const XML_WORD = `[${XML_NAME_START}][${XML_NAME_START}\\-.0-9\\u00b7\\u0300-\\u036f\\u203f\\u2040]*`;
const XML_NAME = `${XML_WORD}(?::${XML_WORD})?`;
const NOT_A_CHARACTER = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
const MEMBER_NAME = /^[A-Za-z_\u00c0-\ud7ff][\p{L}\p{N}_.\-\u00b7]*$/u;
const LONGEST_MEMBER = 256;
const LONGEST_NAMESPACE = 256;
const XMLNS = "http://www.w3.org/2000/xmlns/";
const XML_SPACE = "http://www.w3.org/XML/1998/namespace";

class XmlReader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  take(pattern) {
    const sticky = new RegExp(pattern, "yu");
    sticky.lastIndex = this.at;
    const match = sticky.exec(this.text);
    if (match) this.at = sticky.lastIndex;
    return match;
  }

  need(pattern) {
    const match = this.take(pattern);
    if (!match) throw new NotXml();
    return match;
  }

  // Return the root's name, its namespace and } in front if it has one.
  document() {
    if (NOT_A_CHARACTER.test(this.text)) throw new NotXml();
    this.take("\ufeff");
    this.declaration();
    this.around();
    if (this.take("<!DOCTYPE[ \t\r\n]")) throw new NotXml("must not declare a document type or entities");
    const root = this.element();
    this.around();
    if (this.at < this.text.length) throw new NotXml();
    return root;
  }

  declaration() {
    const value = (inner) => `[ \t\r\n]*=[ \t\r\n]*(?:"${inner}"|'${inner}')`;
    if (!this.take("<\\?xml(?=[ \t\r\n])")) return;
    this.need(
      `[ \t\r\n]+version${value("[A-Za-z0-9_.:\\-]+")}` +
        `(?:[ \t\r\n]+encoding${value("[A-Za-z][A-Za-z0-9._\\-]*")})?` +
        `(?:[ \t\r\n]+standalone${value("(?:yes|no)")})?[ \t\r\n]*\\?>`,
    );
  }

  // Blanks, comments and instructions beside the root.
  around() {
    while (this.take("[ \t\r\n]+") || this.comment() || this.instruction());
  }

  comment() {
    if (!this.take("<!--")) return false;
    this.need("(?:(?!--)[^])*-->");
    return true;
  }

  instruction() {
    const target = this.take(`<\\?(${XML_WORD})`);
    if (!target) return false;
    if (/^xml$/i.test(target[1])) throw new NotXml();
    this.need("\\?>|[ \t\r\n][^]*?\\?>");
    return true;
  }

  element() {
    const open = [];
    let root;
    do {
      const tag = this.take(`</(${XML_NAME})[ \t\r\n]*>`);
      if (tag) {
        if (open.length === 0 || open.pop().name !== tag[1]) throw new NotXml();
      } else if (open.length === 0 || /^<[^!?/]/.test(this.text.slice(this.at, this.at + 2))) {
        const [name, spaces, ended] = this.startTag(open.at(-1)?.spaces ?? new Map([["xml", XML_SPACE]]));
        root ??= this.qualified(name, spaces);
        if (!ended) open.push({ name, spaces });
      } else if (!this.comment() && !this.instruction() && !this.take("<!\\[CDATA\\[[^]*?\\]\\]>")) {
        this.characters();
      }
    } while (open.length > 0);
    return root;
  }

  characters() {
    const text = this.take("[^<&]+");
    if (text ? text[0].includes("]]>") : !this.reference()) throw new NotXml();
  }

  reference() {
    const match = this.take("&(?:lt|gt|amp|apos|quot|#([0-9]+)|#x([0-9a-fA-F]+));");
    if (!match) return false;
    if (match[1] ?? match[2]) {
      const code = parseInt(match[1] ?? match[2], match[1] ? 10 : 16);
      if (code > 0x10ffff || NOT_A_CHARACTER.test(String.fromCodePoint(code))) throw new NotXml();
    }
    return true;
  }

  startTag(outer) {
    const name = this.need(`<(${XML_NAME})`)[1];
    const attributes = [];
    while (this.take(`[ \t\r\n]+(?=[^ \t\r\n>/])`)) {
      const [, attribute, quote] = this.need(`(${XML_NAME})[ \t\r\n]*=[ \t\r\n]*(["'])`);
      const begin = this.at;
      while (this.take(`[^<&${quote}]+`) || this.reference());
      attributes.push([attribute, this.text.slice(begin, this.at)]);
      this.need(quote);
    }
    const ended = this.need("[ \t\r\n]*(/?)>")[1] === "/";
    const spaces = this.spaces(attributes, outer);
    const seen = new Set();
    for (const [attribute] of attributes) {
      const full = attribute.includes(":") && !attribute.startsWith("xmlns:") ? this.qualified(attribute, spaces) : attribute;
      if (seen.has(full)) throw new NotXml();
      seen.add(full);
    }
    this.qualified(name, spaces);
    return [name, spaces, ended];
  }

  // Return the namespaces by their prefixes, "" for the default one.
  spaces(attributes, outer) {
    const declared = attributes.filter(([name]) => name === "xmlns" || name.startsWith("xmlns:"));
    if (declared.length === 0) return outer;
    if (declared.some(([, value]) => [...value].length > LONGEST_NAMESPACE)) {
      throw new NotXml(`must not declare a namespace of more than ${LONGEST_NAMESPACE} characters`);
    }
    const spaces = new Map(outer);
    for (const [name, value] of declared) {
      const prefix = name === "xmlns" ? "" : name.slice("xmlns:".length);
      const isXml = prefix === "xml";
      if (prefix === "xmlns" || (prefix && !value)) throw new NotXml();
      if (isXml !== (value === XML_SPACE) || value === XMLNS || value.includes("}")) throw new NotXml();
      spaces.set(prefix, value);
    }
    return spaces;
  }

  qualified(name, spaces) {
    const [prefix, local] = name.includes(":") ? name.split(":") : ["", name];
    if (prefix && !spaces.has(prefix)) throw new NotXml();
    const space = spaces.get(prefix);
    return space ? `${space}}${local}` : local;
  }
}

// Throw NotXml, with what is wrong, for what LCM does not take.
function checkXml(text) {
  let root;
  try {
    root = new XmlReader(text).document();
  } catch (error) {
    if (error instanceof NotXml && !error.message) throw new NotXml("must be well-formed XML");
    throw error;
  }
  if (root !== "Data") throw new NotXml("must have the root element Data");
}

// Turn an object into <Data>..</Data>, its members into elements.
function xmlOf(value, path = ["Data"]) {
  const name = path.at(-1);
  const place = bounded(path.join("."));
  if (typeof value === "string") {
    if (NOT_A_CHARACTER.test(value)) throw new NotXml(`holds a character at ${place} that XML cannot carry`);
    const signs = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;" };
    return `<${name}>${value.replace(/[&<>\r]/g, (sign) => signs[sign])}</${name}>`;
  }
  if (!(value instanceof Map)) {
    throw new NotXml(`must hold only strings and objects, but ${place} is ${jsonType(value)}`);
  }
  const children = [...value].map(([member, child]) => {
    if ([...member].length > LONGEST_MEMBER || !MEMBER_NAME.test(member)) {
      throw new NotXml(`holds the member ${quoted(bounded(member), 1000)} at ${place}, which is not an XML name`);
    }
    return xmlOf(child, [...path, member]);
  });
  return `<${name}>${children.join("")}</${name}>`;
}

function bounded(text, limit = 100) {
  const chars = [...text];
  return chars.length <= limit ? text : chars.slice(0, limit).join("") + "...";
}
