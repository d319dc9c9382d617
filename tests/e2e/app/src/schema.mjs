// Drizzle's view of the tables of deploy/scenario/schema.sql; prisma/schema.prisma is Prisma's.
import {
  bigint, boolean, customType, date, doublePrecision, integer, jsonb, numeric, pgEnum, pgTable, primaryKey, serial,
  smallint, text, timestamp, uuid,
} from 'drizzle-orm/pg-core';

const bytea = customType({ dataType: () => 'bytea' });
const timestamp3 = (name) => timestamp(name, { precision: 3 });
const timestamptz = (name, precision = 6) => timestamp(name, { precision, withTimezone: true });
const money = (name) => numeric(name, { precision: 10, scale: 2, mode: 'number' });
const createdAt = () => timestamp3('createdAt').notNull().defaultNow();
const updatedAt = () => timestamp3('updatedAt').notNull().$onUpdate(() => new Date());

export const notificationFrequency = pgEnum('NotificationFrequency', ['IMMEDIATE', 'DAILY', 'WEEKLY', 'NEVER']);
export const issueStatus = pgEnum('IssueStatus', ['NEW', 'IN_PROGRESS', 'NEEDS_PARTS', 'RESOLVED']);
export const issueSeverity = pgEnum('IssueSeverity', ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL']);

export const users = pgTable('users', {
  id: text('id').primaryKey(),
  name: text('name'),
  email: text('email').unique('users_email_key'),
  emailVerified: timestamp3('emailVerified'),
  image: text('image'),
  bio: text('bio'),
  notificationFrequency: notificationFrequency('notificationFrequency').notNull().default('IMMEDIATE'),
  emailNotifications: boolean('emailNotifications').notNull().default(true),
  createdAt: createdAt(),
  updatedAt: updatedAt(),
});

export const organizations = pgTable('organizations', {
  id: text('id').primaryKey(),
  name: text('name').notNull(),
  subdomain: text('subdomain').notNull().unique('organizations_subdomain_key'),
  logoUrl: text('logoUrl'),
  createdAt: createdAt(),
  updatedAt: updatedAt(),
});

export const roles = pgTable('roles', {
  id: text('id').primaryKey(),
  name: text('name').notNull(),
  permissions: text('permissions').array(),
  isDefault: boolean('isDefault').notNull().default(false),
  createdAt: createdAt(),
  updatedAt: updatedAt(),
  organizationId: text('organizationId').notNull().references(() => organizations.id, { onDelete: 'cascade' }),
});

export const memberships = pgTable('memberships', {
  id: text('id').primaryKey(),
  userId: text('userId').notNull().references(() => users.id, { onDelete: 'cascade' }),
  organizationId: text('organizationId').notNull().references(() => organizations.id, { onDelete: 'cascade' }),
  roleId: text('roleId').notNull().references(() => roles.id),
  joinedAt: timestamptz('joinedAt').notNull().defaultNow(),
});

export const machines = pgTable('machines', {
  id: text('id').primaryKey(),
  name: text('name').notNull(),
  manufacturer: text('manufacturer'),
  year: integer('year'),
  serial: uuid('serial'),
  purchasePrice: money('purchasePrice'),
  latitude: doublePrecision('latitude'),
  longitude: doublePrecision('longitude'),
  playCount: bigint('playCount', { mode: 'bigint' }).notNull().default(0n),
  tags: text('tags').array(),
  settings: jsonb('settings').notNull().default({}),
  qrCode: bytea('qrCode'),
  retired: boolean('retired').notNull().default(false),
  purchasedOn: date('purchasedOn', { mode: 'date' }),
  createdAt: createdAt(),
  updatedAt: timestamptz('updatedAt', 3).notNull().$onUpdate(() => new Date()),
  ownerId: text('ownerId').references(() => users.id, { onDelete: 'set null' }),
  organizationId: text('organizationId').notNull().references(() => organizations.id, { onDelete: 'cascade' }),
});

export const issues = pgTable('issues', {
  id: text('id').primaryKey(),
  number: serial('number').notNull(),
  title: text('title').notNull(),
  description: text('description'),
  status: issueStatus('status').notNull().default('NEW'),
  severity: issueSeverity('severity').notNull().default('MEDIUM'),
  checklist: jsonb('checklist'),
  metadata: jsonb('metadata').notNull().default({}),
  estimate: money('estimate'),
  score: doublePrecision('score').notNull().default(0),
  createdAt: timestamptz('createdAt').notNull().defaultNow(),
  updatedAt: updatedAt(),
  resolvedAt: timestamptz('resolvedAt'),
  machineId: text('machineId').notNull().references(() => machines.id, { onDelete: 'cascade' }),
  organizationId: text('organizationId').notNull().references(() => organizations.id, { onDelete: 'cascade' }),
  createdById: text('createdById').notNull().references(() => users.id),
  assignedToId: text('assignedToId').references(() => users.id, { onDelete: 'set null' }),
});

export const collections = pgTable('collections', {
  id: text('id').primaryKey(),
  name: text('name').notNull(),
  isSmart: boolean('isSmart').notNull().default(false),
  filterCriteria: jsonb('filterCriteria'),
  sortOrder: smallint('sortOrder').notNull().default(0),
  createdAt: createdAt(),
  organizationId: text('organizationId').notNull().references(() => organizations.id, { onDelete: 'cascade' }),
});

// Prisma's implicit many-to-many table.
export const collectionMachines = pgTable('_CollectionMachines', {
  A: text('A').notNull().references(() => collections.id, { onDelete: 'cascade' }),
  B: text('B').notNull().references(() => machines.id, { onDelete: 'cascade' }),
}, (table) => [primaryKey({ columns: [table.A, table.B], name: '_CollectionMachines_AB_pkey' })]);
