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
const { queue } = await channel.assertQueue('', { exclusive: true });
const replied = new Promise((resolve) => channel.consume(queue, resolve, { noAck: true }));
const key = randomUUID(); // the same again, if you ask again
const properties = { replyTo: queue, correlationId: key, messageId: key, expiration: 20_000, persistent: true };
channel.publish(`${LCM_PREFIX}.requests`, 'LCM.WebService.CreateContact', Buffer.from(JSON.stringify(request)), properties);
await channel.waitForConfirms();
const late = setTimeout(() => { throw new Error('no reply within 20 s'); }, 20_000);
const { content, properties: { headers } } = await replied;
clearTimeout(late);
console.log(headers['x-bridge-status'], JSON.parse(content).message);
await connection.close();
