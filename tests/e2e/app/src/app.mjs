// The application: its routers over one way to the database.
import { openDatabase } from './databases.mjs';
import { collectionRouter } from './routers/collections.mjs';
import { issueRouter } from './routers/issues.mjs';
import { machineRouter } from './routers/machines.mjs';
import { membershipRouter, organizationRouter, roleRouter } from './routers/organizations.mjs';
import { userRouter } from './routers/users.mjs';
import { workRouter } from './routers/work.mjs';
import { createCallerFactory, router } from './trpc.mjs';

const appRouter = router({
  userRouter,
  organizationRouter,
  roleRouter,
  membershipRouter,
  machineRouter,
  issueRouter,
  collectionRouter,
  workRouter,
});

/** Paths of all procedures, such as `userRouter.getProfile`. */
export const procedures = Object.keys(appRouter._def.procedures);

/** Runs procedures over an open database, or a transaction of it: `call(path, input)`. */
export function callerOf({ orm, db, tags = false }) {
  const caller = createCallerFactory(appRouter)({ orm, db, tags });
  return (path, input) => {
    const [name, operation] = path.split('.');
    return caller[name][operation](input);
  };
}

/** `call(path, input)` runs one procedure. */
export function createApp({ kind, url, max = 5, tags = false, named = false }) {
  const { orm, db, close } = openDatabase(kind, { url, max, tags, named });
  return { call: callerOf({ orm, db, tags }), close };
}
