// Runs a program with standard input and output passed through and every line of both recorded.
//   node tee.mjs RECORDING COMMAND ARGUMENTS…
// RECORDING gets one JSON line per line: {"from": "client" | "server", "text": …}, and {"from": "end",
// "code": …} when the program is gone.
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';

const [recording, command, ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });

// Passes bytes on at once; a line is written down when its end has come.
function pass(from, source, target) {
  let rest = Buffer.alloc(0);
  source.on('data', (bytes) => {
    target.write(bytes);
    rest = Buffer.concat([rest, bytes]);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const text = rest.subarray(0, end).toString('utf8');
      appendFileSync(recording, `${JSON.stringify({ from, text })}\n`);
      rest = rest.subarray(end + 1);
    }
  });
  target.on('error', () => {}); // the other side is gone: its end tells
  return () => rest.length;
}

pass('client', process.stdin, child.stdin);
const unfinished = pass('server', child.stdout, process.stdout);
process.stdin.on('end', () => child.stdin.end());
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => child.kill(signal));
child.on('close', (code) => {
  if (unfinished() > 0) appendFileSync(recording, '{"from":"server","text":"(cut)"}\n');
  appendFileSync(recording, `${JSON.stringify({ from: 'end', code })}\n`);
  process.exit(code ?? 1);
});
