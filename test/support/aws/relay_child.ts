/**
 * An HTTP relay in front of the EC2 API that prints, for each call, when it came (Unix ms), its action and the network
 * interface that it names:   node relay_child.js PORT TARGET_PORT
 */
import { Agent, createServer, request } from 'node:http';

const [port, targetPort] = process.argv.slice(2).map(Number);
const agent = new Agent({ keepAlive: true });

createServer((call, answer) => {
  const atMs = Date.now();
  const chunks: Buffer[] = [];
  call.on('data', (chunk: Buffer) => chunks.push(chunk));
  call.on('end', () => {
    const body = Buffer.concat(chunks);
    const fields = new URLSearchParams(body.toString());
    const dryRun = fields.get('DryRun') === 'true';
    console.log(
      JSON.stringify({ atMs, action: fields.get('Action'), eni: fields.get('NetworkInterfaceId'), dryRun }),
    );
    const { method, url: path, headers } = call;
    const onward = request({ port: targetPort, method, path, headers, agent }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    onward.end(body);
  });
}).listen(port, () => console.log('ready'));
