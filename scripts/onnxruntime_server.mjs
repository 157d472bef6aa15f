// For scripts/bench_onnxruntime: runs an ONNX graph once for each line on standard input, and prints
// the seconds that it took.
//
//   node onnxruntime_server.mjs FOLDER GRAPH DATA float32|int64 SHAPE THREADS
//
// FOLDER has node_modules/onnxruntime-node; DATA holds the numbers of the input "x", of that type and
// shape. The first line that it prints is the first two rows of the output "y", as JSON.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

const [folder, graph, data, kind, shape, threads] = process.argv.slice(2);
const { InferenceSession, Tensor } = createRequire(resolve(folder, 'index.js'))('onnxruntime-node');

const bytes = readFileSync(data);
const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
const numbers = kind === 'int64' ? new BigInt64Array(buffer) : new Float32Array(buffer);
const input = new Tensor(kind, numbers, shape.split(',').map(Number));
const session = await InferenceSession.create(graph, {
  executionProviders: ['cpu'],
  intraOpNumThreads: Number(threads),
  interOpNumThreads: 1,
  graphOptimizationLevel: 'all',
});

const { y } = await session.run({ x: input });
const width = y.dims[1];
const rows = [0, Math.min(1, y.dims[0] - 1)].map(
  (row) => Array.from(y.data.slice(row * width, (row + 1) * width)));
console.log(JSON.stringify(rows));

for await (const line of createInterface({ input: process.stdin })) {
  if (line !== 'run') break;
  const start = process.hrtime.bigint();
  await session.run({ x: input });
  console.log(Number(process.hrtime.bigint() - start) / 1e9);
}
