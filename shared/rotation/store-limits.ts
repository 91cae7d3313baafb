/**
 * The most records that one list page, and one batch of writes, of a store of data keys may hold: Azure Table storage's own limits
 * (learn.microsoft.com, "Scalability and performance targets for Table storage" and "Performing entity group transactions", 2026-11).
 */
export const mostInPage = 1000;
export const mostInBatch = 100;
