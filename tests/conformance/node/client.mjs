// Drives a simulated shop with Shopify's own GraphQL client. Reads one JSON object from stdin:
// {base, domain, token, version, calls: [{name, query, variables, retries}]}; writes one JSON line for each call.
import {createAdminApiClient} from '@shopify/admin-api-client';

let input = '';
for await (const chunk of process.stdin) input += chunk;
const {base, domain, token, version, calls} = JSON.parse(input);
let requests = 0;
const loopback = (url, init) => {
  const target = new URL(url);
  if (target.host !== domain) throw new Error(`asked ${target.host}, not ${domain}`);
  requests += 1;
  return fetch(base + target.pathname, init);
};
const client = createAdminApiClient({
  storeDomain: domain, apiVersion: version, accessToken: token, customFetchApi: loopback,
});
for (const {name, query, variables, retries} of calls) {
  const before = requests;
  const {data, errors, extensions} = await client.request(query, {variables, retries: retries ?? 0});
  const shown = errors && {
    status: errors.networkStatusCode, message: errors.message, graphQLErrors: errors.graphQLErrors,
  };
  console.log(JSON.stringify({name, data, errors: shown, extensions, requests: requests - before}));
}
