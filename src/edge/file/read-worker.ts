/** Entry of the thread that reads a configuration (read-aside.ts) and ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { readConfiguration } from './configuration.js';

parentPort?.postMessage(readConfiguration(workerData as string));
