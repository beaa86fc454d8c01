// Lets the benchmark measure BullMQ on Redis.
//
// Tuned means that 1,000 finished jobs are kept instead of all, and, for the
// server, `hz 100`, by which Redis ends a blocking wait more precisely; that is
// set by who starts it. All else is as BullMQ has it.
//
// It speaks the protocol of the other peers, see package peer: one JSON command
// a line in, one JSON reply a line out, instants in microseconds of the
// machine's clock. It ends when its input does.
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { Pace } from './pace.js';

const queueName = 'bench';
const bulk = 1000; // tasks in one bulk call
const [role, address, settings, workers] = process.argv.slice(2);
const [host, port] = address.split(':');
const connection = { host, port: Number(port), maxRetriesPerRequest: null };

const now = () => Math.round((performance.timeOrigin + performance.now()) * 1000);
const newTask = (seq) => ({ seq, text: 'x'.repeat(100) });
const range = (n) => Array.from({ length: n }, (_, i) => i);

class Producer {
  queue = new Queue(queueName, { connection });
  pace = new Pace();

  open = () => this.queue.waitUntilReady();

  async reset() {
    const redis = new Redis(connection);
    await redis.flushall();
    await redis.quit();
    return {};
  }

  // As many calls at once as there are callers; none means in bulk.
  async enqueue({ n, callers }) {
    const began = now();
    if (callers > 0) {
      let next = 0;
      await Promise.all(range(callers).map(async () => {
        while (next < n) await this.queue.add('noop', newTask(next++));
      }));
    } else {
      for (let from = 0; from < n; from += bulk) {
        const seqs = range(Math.min(bulk, n - from));
        await this.queue.addBulk(seqs.map((i) => ({ name: 'noop', data: newTask(from + i) })));
      }
    }
    return { began, ended: now() };
  }

  // One at each intended instant, whether or not those before have been acknowledged.
  async offer({ n, lead_us, every_us }) {
    const first = now() + lead_us;
    const instants = range(n).map((i) => first + i * every_us);
    const called = [];
    const calls = [];
    await this.pace.run(instants, (i) => {
      called.push(now());
      calls.push(this.queue.add('noop', newTask(i)));
    });
    await Promise.all(calls);
    return { instants, called };
  }

  async delay({ n, lead_us, every_us }) {
    const began = now();
    const instants = range(n).map((i) => began + lead_us + i * every_us);
    for (let from = 0; from < n; from += bulk) {
      const stamp = Date.now(); // from which BullMQ counts the delay, in whole milliseconds
      await this.queue.addBulk(instants.slice(from, from + bulk).map((due, i) => ({
        name: 'noop',
        data: newTask(from + i),
        opts: { timestamp: stamp, delay: Math.ceil(due / 1000) - stamp },
      })));
    }
    return { instants, began, ended: now() };
  }
}

class Consumer {
  seqs = [];
  starts = [];

  constructor() {
    const opts = { connection, concurrency: Number(workers), autorun: false };
    if (settings === 'tuned') opts.removeOnComplete = { count: 1000 };
    this.worker = new Worker(queueName, async (job) => {
      this.starts.push(now());
      this.seqs.push(job.data.seq);
    }, opts);
    this.worker.on('error', (err) => console.error(err));
    this.queue = new Queue(queueName, { connection });
  }

  open = () => Promise.all([this.worker.waitUntilReady(), this.queue.waitUntilReady()]);

  async start() {
    this.began = now();
    this.worker.run().catch((err) => console.error(err));
    return { began: this.began };
  }

  // When n have started since the last await and Redis holds none for unfinished.
  async await({ n }) {
    while (this.seqs.length < n || await this.unfinished() > 0) await pause(2);
    const reply = { began: this.began, ended: now(), seqs: this.seqs, instants: this.starts };
    this.seqs = [];
    this.starts = [];
    return reply;
  }

  async unfinished() {
    const counts = await this.queue.getJobCounts('wait', 'active', 'delayed', 'prioritized', 'paused', 'failed');
    return Object.values(counts).reduce((sum, n) => sum + n, 0);
  }
}

const say = (reply) => process.stdout.write(`${JSON.stringify(reply)}\n`);
const side = role === 'producer' ? new Producer() : new Consumer();
await side.open();
say({});
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  try {
    say(await side[command.do](command));
  } catch (err) {
    say({ error: String(err?.stack ?? err) });
  }
}
process.exit(0);
