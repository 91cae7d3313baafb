/**
 * Loaded into every child before its own code: when the runner is gone, even by `kill -9`, its end of the channel closes
 * and the child goes too. Listening for `disconnect` alone does not keep a process alive.
 */
process.on('disconnect', () => process.exit(0));
