import { manners, Person } from './browser.js';

/**
 * Declares a journey in every manner. walk gets a function that lets somebody arrive with a browser of their own, and the
 * manner; everybody has left when the journey ends, and what went wrong on their pages fails it.
 */
export function journey(world, test, name, walk, only = Object.keys(manners)) {
  for (const manner of only) {
    test(`${name}, ${manner}`, { timeout: 180_000 }, async () => {
      const people = [];
      const arrive = async (how = manner, options = {}) => {
        const person = await Person.arrive(world, how, options);
        people.push(person);
        return person;
      };
      let walked = false;
      try {
        await walk(arrive, manner);
        walked = true;
      } finally {
        // What failed first tells more than what everybody's browsers say of it.
        const left = await Promise.allSettled(people.map((person) => person.leave()));
        const failed = left.find((one) => one.status === 'rejected');
        if (walked && failed) throw failed.reason;
      }
    });
  }
}
