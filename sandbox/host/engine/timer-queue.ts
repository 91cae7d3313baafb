import { createHash } from 'node:crypto';
import type { HostClock } from '../clock';
import type { TimerRow } from './store';

const longestSleep = 2_000_000_000;

/**
 * When a timer fires here. Azure's storage queue truncates the delay to whole seconds, so that timers fire up to one
 * second early; which part of that second is fixed by the timer's identity, so that a run can be repeated.
 */
export function dueTime(executionId: string, timerId: number, fireAt: number, now: number, exact: boolean): number {
  if (exact) return fireAt;
  const early = createHash('sha1').update(`${executionId}/${timerId}`).digest().readUInt32BE(0) % 1000;
  return Math.max(now, fireAt - early);
}

/** Pending timers on the virtual clock, earliest first (a binary heap). */
export class TimerQueue {
  private readonly heap: TimerRow[] = [];
  private readonly clock: HostClock;
  private readonly fire: (timers: TimerRow[]) => void;
  private sleep: NodeJS.Timeout | undefined;
  private stopped = false;

  /** @param fire is handed the timers that are due, together */
  constructor(clock: HostClock, fire: (timers: TimerRow[]) => void) {
    this.clock = clock;
    this.fire = fire;
    clock.onJump(() => this.fireDue());
  }

  add(timer: TimerRow): void {
    let index = this.heap.push(timer) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.dueAt(parent) <= timer.due) break;
      this.swap(index, parent);
      index = parent;
    }
    if (index === 0) this.arm();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.sleep);
  }

  private fireDue(): void {
    if (this.stopped) return;
    const now = this.clock.now();
    const due: TimerRow[] = [];
    while (this.heap.length > 0 && this.dueAt(0) <= now) due.push(this.takeFirst());
    if (due.length > 0) this.fire(due);
    this.arm();
  }

  private arm(): void {
    clearTimeout(this.sleep);
    const first = this.heap[0];
    if (first === undefined || this.stopped) return;
    const delay = Math.min(Math.max(0, first.due - this.clock.now()), longestSleep);
    this.sleep = setTimeout(() => this.fireDue(), delay);
  }

  private takeFirst(): TimerRow {
    const first = this.heap[0] as TimerRow;
    const last = this.heap.pop() as TimerRow;
    if (this.heap.length > 0) {
      this.heap[0] = last;
      this.sink(0);
    }
    return first;
  }

  private sink(from: number): void {
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      const right = left + 1;
      let least = index;
      if (left < this.heap.length && this.dueAt(left) < this.dueAt(least)) least = left;
      if (right < this.heap.length && this.dueAt(right) < this.dueAt(least)) least = right;
      if (least === index) return;
      this.swap(index, least);
      index = least;
    }
  }

  private dueAt(index: number): number {
    return this.heap[index]?.due ?? Number.POSITIVE_INFINITY;
  }

  private swap(a: number, b: number): void {
    const first = this.heap[a] as TimerRow;
    this.heap[a] = this.heap[b] as TimerRow;
    this.heap[b] = first;
  }
}
