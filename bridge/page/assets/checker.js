// What the bridge would say of an envelope: the same steps in the same order as in the bridge, with the rules of the
// page's operations. Knows no page: it runs wherever JavaScript does.

const LONGEST_CHANNEL = 255;
const LONGEST_KEY = 255;
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
