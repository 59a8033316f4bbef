// Create a contact with amqplib, and print the reply.
import { randomUUID } from 'node:crypto';
import amqp from 'amqplib';

const { AMQP_URL = 'amqp://guest:guest@localhost/', LCM_PREFIX = 'lcm' } = process.env;
const data = {
  CampaignID: 'SampleCampaign',
  Calltype: '0',
  callStartDateTime: '24/10/2026 07:33',
  callEndDateTime: '24/10/2026 18:00',
  BussinessFields: { first_name: 'Ada' },
  Modes: { Home: { Cvalue: '6093090340', TZ: '(UTC-05:00) Eastern Time (US and Canada)' } },
  IsAccountNumber: true,
};
const request = { channel: 'LCM', topic: 'WebService', subtopic: 'CreateContact', data };

const connection = await amqp.connect(AMQP_URL);
const channel = await connection.createConfirmChannel();
channel.on('error', ({ message }) => { throw new Error(`${message}: is LCM_PREFIX the bridge's amqp.prefix?`); });
const { queue } = await channel.assertQueue('', { exclusive: true });
const replied = new Promise((resolve) => channel.consume(queue, resolve, { noAck: true }));
const key = randomUUID(); // the same again, if you ask again
const properties = { replyTo: queue, correlationId: key, messageId: key, expiration: 20_000, persistent: true };
channel.publish(`${LCM_PREFIX}.requests`, 'LCM.WebService.CreateContact', Buffer.from(JSON.stringify(request)), properties);
await channel.waitForConfirms();
// After 20 s LCM is not called any more; the bridge says so, which takes a moment.
const late = setTimeout(() => { throw new Error('no reply within 25 s'); }, 25_000);
const { content, properties: { headers } } = await replied;
clearTimeout(late);
const { message, data: failure } = JSON.parse(content); // an ApiError has data instead
console.log(headers['x-bridge-status'], message ?? failure);
await connection.close();
