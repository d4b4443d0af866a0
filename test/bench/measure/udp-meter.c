/*
 * Sends UDP datagrams at a steady rate and counts, at the other end, those that arrive: one trial of RFC 2544's
 * throughput search. iperf3 spends so much on each datagram that on a small machine it would measure itself.
 *
 *   udp-meter receive PORT                                serves until it is killed; prints "ready" when it listens
 *   udp-meter send ADDRESS PORT BYTES RATE MILLISECONDS   prints {"sent":…,"received":…,"seconds":…}; RATE in datagrams/s
 *
 * A datagram begins with its kind, the number of its trial and its sequence number. After a trial the sender asks the
 * receiver, through the same network, how many came, until it is answered. Datagrams leave one by one, as those of
 * separate programs do, not as trains for the kernel to cut.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, BYTES_MAX = 2048, DATA = 0x74736d31, QUERY = 0x74736d32, ANSWER = 0x74736d33 };
/* A sender that was not scheduled for longer does not make up for it: a burst is not what is asked for. */
static const double CATCH_UP_SECONDS_MAX = 0.004;
static const double SLEEP_SECONDS = 0.00005;
/* How long the last datagrams may take. */
static const double SETTLE_SECONDS = 0.05;
static const int BUFFER_BYTES = 8 << 20;

struct head {
  uint32_t kind;
  uint32_t trial;
  uint64_t number;
};

static char bytes[BATCH][BYTES_MAX];
static struct iovec vectors[BATCH];
static struct mmsghdr messages[BATCH];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void rest(double seconds) {
  struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
  nanosleep(&t, NULL);
}

static int open_socket(void) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) fail("socket");
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &BUFFER_BYTES, sizeof BUFFER_BYTES);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &BUFFER_BYTES, sizeof BUFFER_BYTES);
  return fd;
}

static void prepare_batch(size_t length) {
  for (int i = 0; i < BATCH; i++) {
    vectors[i] = (struct iovec){bytes[i], length};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
}

static void receive(int port) {
  int fd = open_socket();
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0) fail("bind");
  struct sockaddr_in from[BATCH];
  prepare_batch(BYTES_MAX);
  puts("ready");
  fflush(stdout);
  uint32_t trial = 0;
  uint64_t counted = 0;
  for (;;) {
    for (int i = 0; i < BATCH; i++) {
      messages[i].msg_hdr.msg_name = &from[i];
      messages[i].msg_hdr.msg_namelen = sizeof from[i];
    }
    int count = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
    if (count < 0 && errno != EINTR) fail("recvmmsg");
    for (int i = 0; i < count; i++) {
      struct head head;
      memcpy(&head, bytes[i], sizeof head);
      if (messages[i].msg_len < sizeof head || (head.kind != DATA && head.kind != QUERY)) continue;
      if (head.trial != trial) {
        trial = head.trial;
        counted = 0;
      }
      if (head.kind == DATA) {
        counted++;
        continue;
      }
      struct head answer = {ANSWER, trial, counted};
      sendto(fd, &answer, sizeof answer, 0, (struct sockaddr *)&from[i], sizeof from[i]);
    }
  }
}

/* Sends until `end`; returns how many the kernel took. */
static uint64_t offer(int fd, uint32_t trial, double rate, double start, double end) {
  uint64_t sent = 0;
  double due_since = start;
  for (double t = start; t < end; t = now()) {
    if (t - due_since > CATCH_UP_SECONDS_MAX) due_since = t - CATCH_UP_SECONDS_MAX;
    double due = (t - due_since) * rate;
    int count = due > BATCH ? BATCH : (int)due;
    if (count == 0) {
      rest(SLEEP_SECONDS);
      continue;
    }
    for (int i = 0; i < count; i++) {
      struct head head = {DATA, trial, sent + (uint64_t)i};
      memcpy(bytes[i], &head, sizeof head);
    }
    int taken = sendmmsg(fd, messages, (unsigned)count, 0);
    if (taken < 0 && errno != ENOBUFS && errno != EINTR && errno != ECONNREFUSED) fail("sendmmsg");
    if (taken > 0) sent += (uint64_t)taken;
    due_since += count / rate;
  }
  return sent;
}

/* How many the receiver has counted; exits where it does not answer. */
static uint64_t ask(int fd, uint32_t trial) {
  for (int attempt = 0; attempt < 40; attempt++) {
    struct head query = {QUERY, trial, 0};
    struct head answer;
    send(fd, &query, sizeof query, 0);
    struct pollfd poll_fd = {fd, POLLIN, 0};
    while (poll(&poll_fd, 1, 50) > 0) {
      ssize_t length = recv(fd, &answer, sizeof answer, MSG_DONTWAIT);
      if (length == (ssize_t)sizeof answer && answer.kind == ANSWER && answer.trial == trial) return answer.number;
    }
  }
  fputs("udp-meter: the receiver does not answer\n", stderr);
  exit(1);
}

static void send_trial(const char *address, int port, size_t length, double rate, double seconds) {
  int fd = open_socket();
  struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, address, &there.sin_addr) != 1) fail("address");
  if (connect(fd, (struct sockaddr *)&there, sizeof there) < 0) fail("connect");
  prctl(PR_SET_TIMERSLACK, 1UL);
  prepare_batch(length);
  uint32_t trial = (uint32_t)getpid() ^ (uint32_t)(now() * 1e6);
  double start = now();
  uint64_t sent = offer(fd, trial, rate, start, start + seconds);
  double elapsed = now() - start;
  rest(SETTLE_SECONDS);
  uint64_t received = ask(fd, trial);
  printf("{\"sent\":%llu,\"received\":%llu,\"seconds\":%.6f}\n", (unsigned long long)sent,
         (unsigned long long)received, elapsed);
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "receive") == 0) {
    receive(atoi(argv[2]));
  } else if (argc == 7 && strcmp(argv[1], "send") == 0) {
    size_t length = (size_t)atoi(argv[4]);
    double rate = atof(argv[5]);
    if (length < sizeof(struct head) || length > BYTES_MAX || rate < 1) return 2;
    send_trial(argv[2], atoi(argv[3]), length, rate, atof(argv[6]) / 1000);
  } else {
    fputs("usage: udp-meter receive PORT | send ADDRESS PORT BYTES RATE MILLISECONDS\n", stderr);
    return 2;
  }
  return 0;
}
