// Receives webhooks and has Shopify's own library judge each. Arguments: client secret, number of deliveries.
// Writes its port, then one JSON line for each delivery.
import '@shopify/shopify-api/adapters/node';
import {createServer} from 'node:http';
import {shopifyApi} from '@shopify/shopify-api';

const [secret, count] = process.argv.slice(2);
const shopify = shopifyApi({
  apiKey: 'sim-client', apiSecretKey: secret, apiVersion: '2026-10', isEmbeddedApp: false,
  hostName: 'example.com', scopes: [], logger: {level: 0},
});
let left = Number(count);
const server = createServer((rawRequest, rawResponse) => {
  const parts = [];
  rawRequest.on('data', (part) => parts.push(part));
  rawRequest.on('end', async () => {
    const rawBody = Buffer.concat(parts).toString('utf8');
    const verdict = await shopify.webhooks.validate({rawBody, rawRequest, rawResponse});
    let id = null;
    try {
      id = JSON.parse(rawBody).admin_graphql_api_id ?? null;
    } catch {
      id = 'not JSON';
    }
    console.log(JSON.stringify({...verdict, bodyId: id}));
    rawResponse.writeHead(verdict.valid ? 200 : 401, {Connection: 'close'}).end();
    left -= 1;
    if (left === 0) server.close();
  });
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({port: server.address().port})));
