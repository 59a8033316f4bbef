// Which operation an envelope is for, and which of its members nobody reads.

const LONGEST_ADDRESS = 128;

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
