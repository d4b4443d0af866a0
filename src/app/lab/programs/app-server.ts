/**
 * The application server of the lab: an HTTP server that tells each client under which address it sees it, and that
 * is a client of the databases itself.
 *
 *   app-server PORT DATABASE…
 *   GET /        {"client":"10.100.10.15","host":"app"}
 *   GET /check   asks every database who it is; 502 where one does not answer
 */
import { execFile } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { hostname } from 'node:os';

const QUERY_MS = 5000;

interface Answer {
  readonly database: string;
  readonly hostname?: string;
  readonly error?: string;
}

function ask(database: string): Promise<Answer> {
  const argv = ['-h', database, '-u', 'lab', '-plab', '--connect-timeout=3', '-BNe', 'select @@hostname'];
  return new Promise((resolve) => {
    execFile('mariadb', argv, { timeout: QUERY_MS }, (error, stdout, stderr) => {
      resolve(
        error === null
          ? { database, hostname: stdout.trim() }
          : { database, error: stderr.trim() || 'no answer in time' },
      );
    });
  });
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  databases: string[],
): Promise<void> {
  const reply = (status: number, body: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify(body)}\n`);
  };
  if (request.url === '/') {
    return reply(200, { client: request.socket.remoteAddress?.replace(/^::ffff:/, ''), host: hostname() });
  }
  if (request.url !== '/check') return reply(404, { error: 'there are / and /check' });
  const answers = await Promise.all(databases.map(ask));
  reply(answers.some((answer) => answer.error !== undefined) ? 502 : 200, { databases: answers });
}

const [port, ...databases] = process.argv.slice(2);
createServer((request, response) => void handle(request, response, databases)).listen(
  Number(port),
  '0.0.0.0',
);
