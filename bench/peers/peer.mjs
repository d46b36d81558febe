// One process of a peer, as peers.py asks for it:
//
//   node peer.mjs NAME URL prepare   schema and queue, emptied; NAME is a key of `peers` below
//   node peer.mjs NAME URL enqueue COUNT   so many jobs in the queue
//   node peer.mjs NAME URL drain     runs jobs until told to stop
//   node peer.mjs NAME URL latency COUNT   one job at a time, see below
//
// `drain` prints "ready" once it can take jobs, starts at the first line on standard input, prints
// how many it has done every 20 ms and when a second line tells it to stop, and ends when all that
// it did is recorded. `latency` prints a list: for each of COUNT jobs, given to an idle worker one
// after the other, the milliseconds from asking for it to its start. The settings are the best of
// those that were tried (docs/performance.md). Jobs do nothing, or start /bin/true.
import { execFile } from "node:child_process";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import pg from "pg";

const ENQUEUE_BATCH = 5_000;
const ENQUEUE_PARALLEL = 2;
const REPORT_MS = 20;
const QUEUE = "load";
const IDLE_MS = 20;
const WARM_UP_JOBS = 5;

let done = 0;
let started = () => {}; // told when a job begins

// Batches of `count` jobs, ENQUEUE_PARALLEL at a time.
async function inBatches(count, add) {
  let left = count;
  const lane = async () => {
    while (left > 0) {
      const size = Math.min(ENQUEUE_BATCH, left);
      left -= size;
      await add(size);
    }
  };
  await Promise.all(Array.from({ length: ENQUEUE_PARALLEL }, lane));
}

async function sql(url, text) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(text);
  await client.end();
}

const start = promisify(execFile);
const nothing = async () => {};
const program = () => start("/bin/true");

async function graphile(url, settings, work = nothing) {
  const { makeWorkerUtils, run, Logger } = await import("graphile-worker");
  const logger = new Logger(() => () => {});
  const preset = { worker: { connectionString: url, maxPoolSize: 30, logger, ...settings } };
  const utils = () => makeWorkerUtils({ preset });
  return {
    async prepare() {
      const u = await utils();
      await u.migrate();
      await u.release();
      await sql(url, "TRUNCATE graphile_worker._private_jobs");
    },
    async enqueue(count) {
      const u = await utils();
      await inBatches(count, (size) =>
        u.addJobs(Array.from({ length: size }, (_, i) => ({ identifier: "noop", payload: { i } }))),
      );
      await u.release();
    },
    async adder() {
      const u = await utils();
      return () => u.addJob("noop", {});
    },
    async drain() {
      const noop = async () => {
        started();
        await work();
        done += 1;
      };
      const runner = await run({ preset, taskList: { noop } });
      return () => runner.stop();
    },
  };
}

async function pgboss(url, notify) {
  const { PgBoss } = await import("pg-boss");
  const open = async () => {
    const boss = new PgBoss({
      connectionString: url,
      supervise: false,
      schedule: false,
      useListenNotify: notify,
      max: 20,
    });
    boss.on("error", (error) => console.error(error));
    await boss.start();
    return boss;
  };
  return {
    async prepare() {
      const boss = await open();
      if (await boss.getQueue(QUEUE)) await boss.deleteQueue(QUEUE);
      await boss.createQueue(QUEUE, { partition: true, notify });
      await boss.stop({ graceful: false });
    },
    async enqueue(count) {
      const boss = await open();
      await inBatches(count, (size) =>
        boss.insert(QUEUE, Array.from({ length: size }, (_, i) => ({ data: { i } }))),
      );
      await boss.stop({ graceful: false });
    },
    async adder() {
      const boss = await open();
      return () => boss.send(QUEUE, {});
    },
    async drain() {
      const boss = await open();
      const work = {
        batchSize: 20_000,
        localConcurrency: 2,
        pollingIntervalSeconds: 0.5,
        burstWhenBatchFull: true,
      };
      await boss.work(QUEUE, work, async (jobs) => {
        started();
        done += jobs.length;
      });
      return () => boss.stop({ graceful: true });
    },
  };
}

// Milliseconds from asking to the start of each of `count` jobs.
async function latencies(chosen, count) {
  const stop = await chosen.drain();
  const add = await chosen.adder();
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const out = [];
  for (let i = -WARM_UP_JOBS; i < count; ++i) {
    await pause(IDLE_MS);
    const start = new Promise((resolve) => {
      started = () => resolve(performance.now());
    });
    const asked = performance.now();
    await add();
    const took = (await start) - asked;
    if (i >= 0) out.push(took);
  }
  await stop();
  return out;
}

const [peer, url, verb, count] = process.argv.slice(2);
const peers = {
  graphile: () =>
    graphile(url, {
      concurrentJobs: 500,
      localQueue: { size: 10_000 },
      completeJobBatchDelay: 50,
      failJobBatchDelay: 50,
    }),
  "graphile-one": () => graphile(url, { concurrentJobs: 24 }),
  "graphile-program": () =>
    graphile(
      url,
      { concurrentJobs: 8, localQueue: { size: 1_000 }, completeJobBatchDelay: 50, failJobBatchDelay: 50 },
      program,
    ),
  pgboss: () => pgboss(url, false),
  "pgboss-notify": () => pgboss(url, true),
};
const chosen = await peers[peer]();
if (verb === "drain") {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  console.log("ready");
  await lines.next();
  const stop = await chosen.drain();
  const report = setInterval(() => console.log(done), REPORT_MS);
  await lines.next();
  clearInterval(report);
  await stop();
  console.log(done);
  process.exit(0);
}
if (verb === "latency") {
  console.log(JSON.stringify(await latencies(chosen, Number(count))));
  process.exit(0);
}
await chosen[verb](Number(count));
process.exit(0);
