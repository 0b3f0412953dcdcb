// Drives a simulated B2C Commerce with Salesforce's own SDK (SCAPI Admin). Reads one JSON object from stdin:
// {base, organization, site, token, calls: [{name, api, method, parameters, body, token}]}; one JSON line for each call.
import sdk from 'commerce-sdk';

const FAMILIES = {
  Orders: 'checkout/orders/v1', Customers: 'customer/customers/v1',
  Products: 'product/products/v1', GiftCertificates: 'pricing/gift-certificates/v1',
};
let input = '';
for await (const chunk of process.stdin) input += chunk;
const {base, organization, site, token, calls} = JSON.parse(input);
for (const {name, api, method, parameters, body, token: own} of calls) {
  const client = new sdk[api]({
    headers: {authorization: `Bearer ${own ?? token}`},
    parameters: {clientId: 'x', organizationId: organization, shortCode: 'kv7kzm78', siteId: site},
    baseUri: `${base}/${FAMILIES[api]}`, retrySettings: {retries: 0},
  });
  const line = {name};
  try {
    const response = await client[method]({parameters, body}, true);
    line.status = response.status;
    const text = await response.text();
    line.body = text ? JSON.parse(text) : null;
    if (!response.ok) throw new Error(`${response.status}`);
    line.location = response.headers.get('location');
  } catch (error) {
    line.error = String(error.message ?? error);
  }
  console.log(JSON.stringify(line));
}
