/** Entry of the thread that reads a configuration (read-aside.ts) and ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { native } from '../native.js';
import { readConfiguration } from './configuration.js';

// However hurried the daemon is, its files can wait.
native().threadPriority(0, 0);

parentPort?.postMessage(readConfiguration(workerData as string));
