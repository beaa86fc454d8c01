// Calls a function at given instants, by a thread that sleeps until each: the
// timers of Node's event loop may be a millisecond late, which would count
// against BullMQ.
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker as Thread } from 'node:worker_threads';

const now = () => (performance.timeOrigin + performance.now()) * 1000;

export class Pace {
  thread = new Thread(fileURLToPath(import.meta.url));

  // Resolves when do_(i) has been called for every instant (microseconds).
  run(instants, do_) {
    return new Promise((resolve) => {
      let i = 0;
      this.thread.on('message', () => {
        do_(i++);
        if (i === instants.length) {
          this.thread.removeAllListeners('message');
          resolve();
        }
      });
      this.thread.postMessage(instants);
    });
  }
}

if (!isMainThread) {
  const never = new Int32Array(new SharedArrayBuffer(4));
  parentPort.on('message', (instants) => {
    for (const at of instants) {
      const ms = (at - now()) / 1000;
      if (ms > 0) Atomics.wait(never, 0, 0, ms);
      parentPort.postMessage(null);
    }
  });
}
