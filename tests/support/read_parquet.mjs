// Reads Parquet files by readers that are not ours, which scripts/install-parquet-readers installs:
//   read_parquet.mjs FOLDER query SQL          the rows of a query by DuckDB, a line of JSON each
//   read_parquet.mjs FOLDER hyparquet FILE...  the rows of files, one after the other, by hyparquet
// FOLDER is the one they are installed in. Whole numbers of 64 bits are written as texts.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [folder, reader, ...what] = process.argv.slice(2);
const require = createRequire(pathToFileURL(folder + '/package.json'));
const print = (row) =>
  console.log(JSON.stringify(row, (_, value) => typeof value === 'bigint' ? String(value) : value));

if (reader === 'query') {
  const { DuckDBInstance } = require('@duckdb/node-api');
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const result = await connection.runAndReadAll(what[0]);
  result.getRowObjectsJson().forEach(print);
} else {
  const entry = pathToFileURL(folder + '/node_modules/hyparquet/src/node.js');
  const { asyncBufferFromFile, parquetReadObjects } = await import(entry);
  for (const path of what) {
    const file = await asyncBufferFromFile(path);
    (await parquetReadObjects({ file })).forEach(print);
  }
}
