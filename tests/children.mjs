// Processes that end with the tests at the latest: one that a failed assertion left running would
// keep Node alive, and the runner waiting, until the timeout.
import { spawn as start } from 'node:child_process';
import { once } from 'node:events';
import { after } from 'node:test';

const running = new Set();

export function spawn(...args) {
  const child = start(...args);
  child.once('spawn', () => running.add(child)).once('exit', () => running.delete(child));
  return child;
}

after(() => Promise.all([...running].map((child) => {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  return gone;
})));
