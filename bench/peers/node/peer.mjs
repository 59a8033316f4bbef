// (d) Node with amqplib, undici and ioredis: the work of the Python peers, in the fastest of the common stacks.
//
// Environment, output and exit codes are those of every peer: see ../README.md.

import amqp from 'amqplib';
import Redis from 'ioredis';
import { Pool } from 'undici';

const PREFIX = 'bench.node';
const READ = 'GetReservedContactOD';
const SIDE_EFFECT = 'CreateContact';
const CONTACT_MS = 120_000;
const CLAIM_MS = 60_000;
const RECORD_MS = 86_400_000;
const HEADERS = { 'content-type': 'application/json; charset=utf-8' };
const DEFAULTS = {
  priority: 0,
  AgentID: '',
  SMSData: '',
  MailSubject: '',
  MailMsg: '',
  MailAttachment: '',
  ZipCode: '',
  ContactDetail: '',
  ListID: 0,
  Status: 4,
};

function fail(error) {
  console.error(error);
  process.exit(1);
}

process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);

function contactOf(result) {
  const contact = Array.isArray(result) ? result[0] : result;
  if (!contact?.AccountNumber) {
    throw new Error(`LCM gave no contact: ${JSON.stringify(result)}`);
  }
  return {
    PhoneNumber: contact.PhoneNumber,
    AccountNumber: contact.AccountNumber,
    CampaignId: contact.CampaignId,
    Mode: contact.Mode,
    ContactId: contact.ContactId,
    ExpiryTime: contact.ExpiryTime,
    CallbackTime: contact.CallbackTime,
    CallType: contact.CallType,
    Prefix: contact.Prefix,
    Suffix: contact.Suffix,
    Queue: contact.Queue,
  };
}

function keyOf(result) {
  if (typeof result !== 'string' || result === '') {
    throw new Error(`LCM created nothing: ${JSON.stringify(result)}`);
  }
  return result;
}

function replyWith(subtopic, response) {
  return JSON.stringify({ channel: 'LCM', topic: 'WebService', subtopic, message: { response } });
}

async function main() {
  const { BENCH_AMQP_URL, BENCH_REDIS_URL, BENCH_LCM_URL, BENCH_QUEUES, BENCH_PREFETCH } = process.env;
  const queues = BENCH_QUEUES.split(',');
  const prefetch = Number(BENCH_PREFETCH);
  const lcm = new URL(BENCH_LCM_URL);

  // A connection for each request in flight: one that waits behind another would wait for LCM twice.
  const pool = new Pool(lcm.origin, { connections: prefetch * queues.length, pipelining: 1 });
  // Commands of one turn of the event loop go to Redis in one write.
  const redis = new Redis(BENCH_REDIS_URL, { enableAutoPipelining: true });
  redis.on('error', fail);
  const connection = await amqp.connect(BENCH_AMQP_URL);
  connection.on('error', fail);
  let asked = false;
  connection.on('close', () => asked || fail(new Error('the broker has closed the connection')));
  const channel = await connection.createConfirmChannel();
  channel.on('error', fail);
  channel.on('return', () => fail(new Error('a reply reached no queue')));
  await channel.prefetch(prefetch);

  async function call(method, parameters) {
    const { statusCode, body } = await pool.request({
      path: lcm.pathname + method,
      method: 'POST',
      headers: HEADERS,
      body: JSON.stringify(parameters),
    });
    const text = await body.text();
    if (statusCode !== 200) {
      throw new Error(`LCM answered ${method} with HTTP ${statusCode}: ${text}`);
    }
    return JSON.parse(text).d;
  }

  async function read({ UserID }) {
    const contact = contactOf(await call(READ, { UserID }));
    const contacts = `${PREFIX}:contacts:${UserID}`;
    await Promise.all([
      redis.hset(contacts, contact.AccountNumber, JSON.stringify(contact)),
      redis.pexpire(contacts, CONTACT_MS),
    ]);
    return replyWith('ContactOD', contact);
  }

  async function create(data, messageId) {
    const record = `${PREFIX}:request:${messageId}`;
    if ((await redis.set(record, 'claimed', 'PX', CLAIM_MS, 'NX')) !== 'OK') {
      throw new Error(`${record} is claimed already`);
    }
    const reply = replyWith('CreateContactResponse', keyOf(await call(SIDE_EFFECT, { ...DEFAULTS, ...data })));
    await redis.set(record, reply, 'PX', RECORD_MS);
    return reply;
  }

  async function answer(message) {
    const { replyTo, correlationId, messageId } = message.properties;
    const { subtopic, data } = JSON.parse(message.content);
    let reply;
    if (subtopic === READ) {
      reply = await read(data);
    } else if (subtopic === SIDE_EFFECT) {
      reply = await create(data, messageId);
    } else {
      throw new Error(`no operation ${subtopic}`);
    }
    const options = { correlationId, contentType: 'application/json', persistent: true, mandatory: true };
    channel.publish('', replyTo, Buffer.from(reply), options, (error) => {
      if (error) {
        fail(error);
      }
      channel.ack(message);
    });
  }

  function onMessage(message) {
    if (message === null) {
      fail(new Error('the broker has ended a consumer'));
    }
    answer(message).catch(fail);
  }

  for (const queue of queues) {
    await channel.consume(queue, onMessage);
  }
  process.once('SIGTERM', async () => {
    asked = true;
    await connection.close();
    await Promise.all([redis.quit(), pool.close()]);
    process.exit(0);
  });
  console.log('ready');
}

await main();
