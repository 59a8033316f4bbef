// What the fields of `data` take, each value in the form in which it goes to LCM: two spellings of it are one.

class Wrong extends Error {}

const MAX_INTEGER = "9223372036854775807";
const TRUE_WORDS = ["true", "yes", "y", "1"];
const FALSE_WORDS = ["false", "no", "n", "0"];
const DECIMAL = /^-?[0-9]{1,19}(?:\.[0-9]{1,9})?$/;
const PHONE = /^ *\+?[0-9*# .\-()[\]]+$/;

const TAKE = {
  text(field, value) {
    const text = stringOf(value);
    const length = [...text].length;
    const longest = field.longest ?? null;
    if (length < field.shortest || (longest !== null && length > longest)) {
      if (!text) throw new Wrong("must not be empty");
      const most = longest === null ? "or more" : `to ${longest}`;
      throw new Wrong(`must have ${field.shortest} ${most} characters, not ${length}`);
    }
    if (field.shortest && !trimmed(text)) throw new Wrong("must not be blank");
    if (text.includes("\0")) throw new Wrong("must not hold a NUL character");
    return text;
  },

  words(field, value) {
    const given = folded(trimmed(stringOf(value)));
    const word = field.words.find((one) => folded(one) === given);
    if (word === undefined) throw new Wrong(`must be one of ${field.words.join(", ")}`);
    return word;
  },

  integer(field, value) {
    const number = wholeNumber(value);
    if (number < BigInt(field.least) || number > BigInt(field.most)) {
      if (field.most === MAX_INTEGER && field.least === "0") throw new Wrong("must be 0 or more, within 64 bits");
      throw new Wrong(`must be ${field.least} to ${field.most}${by(field.setting)}`);
    }
    return number;
  },

  decimal(field, value) {
    let text = typeof value === "string" ? value : "";
    if (typeof value === "bigint") text = String(value);
    if (typeof value === "number") text = fractionText(value);
    if (!DECIMAL.test(text)) throw new Wrong('must be a number such as 12.5, or a string such as "12.50"');
    if (Number(text) < BigInt(field.least) || Number(text) > BigInt(field.most)) {
      throw new Wrong(`must be ${field.least} to ${field.most}`);
    }
    return text;
  },

  flag(_, value) {
    if (typeof value === "boolean") return value;
    const word = typeof value === "string" || typeof value === "bigint" ? folded(String(value)) : "";
    if (TRUE_WORDS.includes(word)) return true;
    if (FALSE_WORDS.includes(word)) return false;
    throw new Wrong('must be true or false (also "Yes"/"No", "Y"/"N", 1/0)');
  },

  xml(field, value) {
    try {
      const text = value instanceof Map ? xmlOf(value) : stringOf(value, "a string or an object");
      const length = [...text].length;
      if (length > field.longest) {
        const most = `must have at most ${field.longest} characters of XML`;
        throw new Wrong(`${most}, not ${length}${by(field.setting)}`);
      }
      checkXml(text);
      return text;
    } catch (error) {
      throw error instanceof NotXml ? new Wrong(error.message) : error;
    }
  },

  phone(field, value) {
    const text = stringOf(value);
    if (text.replace(/[^0-9]/g, "").length < 3) throw new Wrong("must hold at least 3 digits");
    if ([...text].length > field.longest) throw new Wrong(`must have at most ${field.longest} characters`);
    if (!PHONE.test(text)) {
      throw new Wrong("must hold only digits, a leading +, *, #, blanks, ., - and brackets");
    }
    return text;
  },

  object(_, value) {
    if (!(value instanceof Map)) throw new Wrong(`must be an object, not ${jsonType(value)}`);
    return value;
  },

  array(field, value) {
    if (!Array.isArray(value)) throw new Wrong(`must be an array, not ${jsonType(value)}`);
    if (value.length > field.longest) {
      throw new Wrong(`must have at most ${field.longest} items, not ${value.length}`);
    }
    return value;
  },

  minute(_, value) {
    const text = stringOf(value);
    if (!isMoment(text, /^([0-9]{2})\/([0-9]{2})\/([0-9]{4}) ([0-9]{2}):([0-9]{2})$/)) {
      throw new Wrong("must be a real date and time as dd/mm/yyyy HH:MM");
    }
    return text;
  },

  date(_, value) {
    const text = stringOf(value);
    if (!isMoment(text, /^([0-9]{2})\/([0-9]{2})\/([0-9]{4})$/)) {
      throw new Wrong("must be a real date as dd/mm/yyyy");
    }
    return text;
  },

  time(_, value) {
    const text = stringOf(value);
    if (!/^(?:[01][0-9]|2[0-3]):[0-5][0-9]$/.test(text)) {
      throw new Wrong("must be a time of day as HH:MM, 00:00 to 23:59");
    }
    return text;
  },
};

function stringOf(value, expected = "a string") {
  if (typeof value !== "string") throw new Wrong(`must be ${expected}, not ${jsonType(value)}`);
  return value;
}

function wholeNumber(value) {
  if (typeof value === "bigint") return value;
  if (typeof value === "string" && /^[0-9]+$/.test(value)) {
    const digits = value.replace(/^0+/, "");
    if (digits.length > MAX_INTEGER.length) throw new Wrong("is too large");
    return BigInt(digits || "0");
  }
  throw new Wrong('must be an integer (a whole number, or a string of digits such as "7")');
}

// A fraction as the bridge writes it, without an exponent: 1.0 keeps its point below 1e16.
function fractionText(number) {
  const sign = number < 0 || Object.is(number, -0) ? "-" : "";
  const size = Math.abs(number);
  if (size >= 1e16 || (size !== 0 && size < 1e-4)) {
    const [digits, exponent] = size.toExponential().replace(".", "").split("e");
    const places = Number(exponent);
    return sign + (places < 0 ? `0.${"0".repeat(-places - 1)}${digits}` : digits.padEnd(places + 1, "0"));
  }
  const text = String(size);
  return sign + (text.includes(".") ? text : `${text}.0`);
}

function isMoment(text, pattern) {
  const match = pattern.exec(text);
  if (!match) return false;
  const [day, month, year, hour = 0, minute = 0] = match.slice(1).map((part) => Number(part ?? 0));
  if (year < 1 || month < 1 || month > 12 || hour > 23 || minute > 59) return false;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day >= 1 && day <= [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
}

// A date dd/mm/yyyy, with or without a time, in a form that sorts.
function sortable(moment) {
  return moment.slice(6, 10) + moment.slice(3, 5) + moment.slice(0, 2) + moment.slice(10);
}

function isSame(one, other) {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, index) => isSame(item, other[index]));
  }
  if (one instanceof Map && other instanceof Map) {
    return one.size === other.size && [...one].every(([key, value]) => other.has(key) && isSame(value, other.get(key)));
  }
  const scalar = (value) => (typeof value === "boolean" ? Number(value) : value);
  return scalar(one) == scalar(other) && (typeof one === "string") === (typeof other === "string"); // 1 == 1n
}

// Read every field: the values under their own names, and everything that is wrong.
function readFields(fields, data) {
  const given = new Map([...data].map(([key, value]) => [folded(key), value]));
  const values = new Map();
  const details = [];
  for (const field of fields) {
    try {
      const value = readField(field, given);
      if (value !== undefined) values.set(field.name, value);
      else if (field.required) details.push({ field: `data.${field.name}`, problem: "is missing" });
      else if (field.default !== undefined) values.set(field.name, TAKE[field.kind](field, ofJson(field.default)));
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      details.push({ field: `data.${field.name}`, problem: error.message });
    }
  }
  for (const { name, notBefore } of fields) {
    const [start, end] = [values.get(notBefore), values.get(name)];
    if (notBefore && start !== undefined && end !== undefined && sortable(end) < sortable(start)) {
      details.push({ field: `data.${name}`, problem: `must not be before ${notBefore}` });
    }
  }
  return { values, details };
}

function readField(field, given) {
  let first;
  let taken;
  for (const name of [field.name, ...field.aliases]) {
    const value = given.get(folded(name)) ?? null;
    if (value === null) continue;
    const another = TAKE[field.kind](field, value);
    if (first !== undefined && !isSame(another, taken)) {
      throw new Wrong(`is given as ${first} and as ${name} with different values`);
    }
    first ??= name;
    taken = another;
  }
  return taken;
}

function ofJson(value) {
  return Number.isInteger(value) ? BigInt(value) : value;
}
