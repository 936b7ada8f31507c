/** Preloaded into the program that `supervise.mjs` runs: when its parent is gone, it stops as on SIGTERM. */
if (process.env.TASKSTREAM_PARENT === String(process.ppid) && process.channel) {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  // Listening alone would keep the program from ending.
  process.channel.unref();
}
