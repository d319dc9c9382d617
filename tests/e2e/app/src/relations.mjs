// What Drizzle's relational queries (db.query) follow.
import { relations } from 'drizzle-orm';
import { issues, machines, memberships, roles, users } from './schema.mjs';

export const usersRelations = relations(users, ({ many }) => ({ memberships: many(memberships) }));

export const membershipsRelations = relations(memberships, ({ one }) => ({
  user: one(users, { fields: [memberships.userId], references: [users.id] }),
  role: one(roles, { fields: [memberships.roleId], references: [roles.id] }),
}));

export const machinesRelations = relations(machines, ({ many }) => ({ issues: many(issues) }));

export const issuesRelations = relations(issues, ({ one }) => ({
  machine: one(machines, { fields: [issues.machineId], references: [machines.id] }),
}));
