import type { Once } from './ports';

/** Remembers answers for as long as it lives, which is one plan: the next one asks anew. */
export function askOnce(): Once {
  const answers = new Map<string, Promise<unknown>>();
  return <T>(question: string, ask: () => Promise<T>): Promise<T> => {
    const answer = (answers.get(question) as Promise<T> | undefined) ?? ask();
    answers.set(question, answer);
    return answer;
  };
}
