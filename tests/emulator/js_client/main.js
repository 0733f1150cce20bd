// Calls Mailgun's official JavaScript client as a test tells it to:
//
//     node main.js URL KEY axios|fetch
//
// Each line of its input is a call, such as ["domains.get", "mg.example.com"]. Each is answered with a line
// that has the result or the error of the client.

import { createInterface } from 'node:readline';
import Mailgun from 'mailgun.js';

const [url, key, transport] = process.argv.slice(2);
const client = new Mailgun(FormData).client({
  username: 'api', key, url, timeout: 30_000, useFetch: transport === 'fetch',
});

async function call(name, args) {
  const path = name.split('.');
  const method = path.pop();
  const owner = path.reduce((object, part) => object[part], client);
  try {
    return { result: await owner[method](...args) };
  } catch (error) {
    return { error: `${error.message}: ${error.details}`, status: error.status ?? -1 };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...args] = JSON.parse(line);
  console.log(JSON.stringify(await call(name, args)));
}
