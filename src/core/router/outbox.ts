/** Record types of the ring from a worker to the control thread, and back. Arguments in the order (argument, argument2). */

/** A datagram that is not transport data: payload = source endpoint record, then the datagram. */
export const OUT_DATAGRAM = 1;
/** An inner packet to our control address: (peer, 0), payload = the packet. */
export const OUT_INNER = 2;
/** First data on an unconfirmed session: (slot, peer). */
export const OUT_SESSION_USED = 3;
/** A packet waits for a session: (peer, 0). */
export const OUT_WANTED = 4;
/** An authenticated packet came from a new endpoint: (peer, slot), payload = endpoint record. */
export const OUT_ROAMED = 5;
/** A path of a peer has fallen silent, or is heard again: (peer, 1 silent | 0 heard). */
export const OUT_SILENCE = 6;
/** A BFD packet that says something new: (peer, 0), payload = source endpoint record, then the inner packet. */
export const OUT_PATH = 7;
/** A transport message for a session of another worker: (slot, 0), payload = source endpoint record, then the datagram. */
export const OUT_STRAY = 8;

/** Control thread → worker: an inner packet to seal: (peer, path slot + 1; 0 = on the path in use); empty = keepalive. */
export const IN_SEAL = 1;
/** The same; no router may fragment the message: it is a probe of what the path carries. */
export const IN_SEAL_WHOLE = 2;
/** What another worker has received for this one, as OUT_STRAY: (0, 0). */
export const IN_STRAY = 3;
