/**
 * Loaded into every child before its own code: when the runner is gone, even by `kill -9`, its end of the channel closes
 * and the child goes too.
 */
process.on('disconnect', () => process.exit(0));
// Listening keeps the channel, and so the process, alive; but a child must be able to end when it has nothing left to do.
process.channel?.unref();
