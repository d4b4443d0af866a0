/** Real sessions that have to live through a takeover: a MariaDB client and an SFTP transfer, opened before it. */
import { type Child, openChild } from '../run/child.js';
import type { Lab } from './check.js';

const FILE_BYTES = 8_000_000;
/** kbit/s: the transfer, there and back, takes about ten seconds. */
const RATE = 13_000;

/** A session that was opened; `finish` ends it and says what was wrong with it, or undefined. */
export interface Session {
  finish(): Promise<string[] | undefined>;
}

/**
 * A client that asks every half second, over the one connection it has made, for the connection's number and a variable
 * that lives as long as the connection does; until its input ends (`read` that times out says more than 128).
 */
const QUERIES = `(echo "set @mark = 'mine';"
while read -t 0.5 -r _ <&3; [ $? -gt 128 ]; do echo "select connection_id(), @mark;"; done
echo "select 'end', @mark;") 3<&0 | mariadb --skip-reconnect -n -BN -h "$1" -u lab -plab`;

/** Opens a MariaDB session from the application server. */
export async function openDatabaseSession(lab: Lab, address: string): Promise<Session> {
  const child: Child = await openChild(lab.words('app', ['bash', '-c', QUERIES, 'sh', address]), 'mine');
  return {
    async finish() {
      const lines = (await child.end()).trim().split('\n');
      const connections = new Set(lines.slice(0, -1).map((line) => line.split('\t')[0]));
      if (lines.at(-1) !== 'end\tmine') return [`the MariaDB session ended with '${lines.at(-1)}'`];
      return connections.size === 1 ? undefined : ['the MariaDB session was made anew'];
    },
  };
}

const TRANSFER = `set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
head -c ${FILE_BYTES} /dev/urandom > "$dir/sent"
echo started
printf 'put %s live\\nget live %s\\nrm live\\n' "$dir/sent" "$dir/received" | sftp -q -l ${RATE} -b - "lab@$1" > "$dir/log"
cmp "$dir/sent" "$dir/received"
echo unchanged`;

/** Starts an SFTP transfer that takes a while. */
export async function openTransfer(lab: Lab, address: string): Promise<Session> {
  const child = await openChild(lab.words('app', ['bash', '-c', TRANSFER, 'sh', address]), 'started');
  return {
    async finish() {
      const said = await child.finished();
      return said.includes('unchanged') ? undefined : ['the SFTP transfer broke off'];
    },
  };
}
