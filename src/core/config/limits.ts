/**
 * Every bound of the configuration in one place. They are far above any real network and far below what would hurt:
 * the schemas enforce them, the JSON Schema and the reference page state them.
 */
export const LIMITS = {
  /** Bytes of one configuration file. */
  fileBytesMax: 1 << 22,
  /** Times that YAML aliases may be expanded in one file. */
  aliasesMax: 1000,
  nameLengthMax: 63,
  descriptionLengthMax: 200,
  pathLengthMax: 4096,
  clustersMax: 6000,
  nodesMax: 6000,
  membersMax: 8,
  externalPeersMax: 256,
  endpointsMax: 8,
  cidrsMax: 8,
  sitesMax: 64,
  routeTablesMax: 64,
  hookMsMax: 600_000,
  routesMax: 10_000,
  natsMax: 10_000,
  uplinksMax: 8,
  probesMax: 4,
  probeMsMax: 600_000,
  workersMax: 16,
  metricMin: 1,
  metricMax: 200,
  mtuMin: 1280,
  mtuMax: 9000,
  keepaliveSecondsMax: 65_535,
  costMax: 65_535,
  weightMax: 255,
  /** Problems that one load reports; a file that is wrong everywhere needs no more. */
  problemsMax: 100,
} as const;

/** Length of AEAD blocks that makes a TUN MTU cheap: ChaCha20 works on 64 bytes, a partial block costs nearly a whole one. */
export const MTU_BLOCK_BYTES = 64;
