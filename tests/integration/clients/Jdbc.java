// pgjdbc. Where to connect: PGHOST, PGPORT and so on.   java -cp CLASSES:postgresql.jar Jdbc [PART OF A CASE'S NAME]
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.PGStatement;
import org.postgresql.copy.CopyIn;
import org.postgresql.copy.CopyManager;
import org.postgresql.jdbc.PgStatement;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;

public class Jdbc extends JdbcSupport {
    static final String BY_ID = "SELECT id, name FROM item WHERE id = ?";

    static void parameters(Connection connection) throws Exception {
        for (int id : new int[] {1, 14, 999}) show("row", query(connection, BY_ID, id));
        try (PreparedStatement statement = connection.prepareStatement(BY_ID)) {
            statement.setNull(1, Types.INTEGER);
            show("null", rows(statement.executeQuery()));
        }
        show("literal", query(connection, "SELECT id, name FROM item WHERE id = 7"));
        show("text", query(connection, "SELECT ?::text, ?::text = '', ?::numeric", "ü☃", "", new BigDecimal("12345678901234567890.123456789")));
    }

    static void preparedOnTheServer(Connection connection) throws Exception {
        try (PreparedStatement statement = connection.prepareStatement(BY_ID)) {
            for (int id = 0; id < 8; id++) {  // named, and in binary, from the fifth on
                statement.setInt(1, id);
                show("row", rows(statement.executeQuery()), statement.unwrap(PGStatement.class).isUseServerPrepare());
            }
        }
        show("prepared", query(connection, "SELECT count(*) FROM pg_prepared_statements"));
    }

    static void forgottenStatement(Connection connection) throws Exception {
        try (PreparedStatement statement = connection.prepareStatement(BY_ID)) {
            for (int id = 1; id <= 3; id++) {
                statement.setInt(1, id);
                show("row", rows(statement.executeQuery()));
            }
            connection.setAutoCommit(false);
            execute(connection, "SELECT 1");
            String find = "SELECT name FROM pg_prepared_statements WHERE statement LIKE '%item%' AND statement NOT LIKE '%pg_prep%'";
            execute(connection, "DEALLOCATE PREPARE \"" + query(connection, find).get(0).get(0) + "\"");
            fails("forgotten", () -> statement.executeQuery());
            connection.rollback();
            show("prepared again", rows(statement.executeQuery()));
        }
    }

    static void changedUnderAStatement(Connection connection) throws Exception {
        execute(connection, "CREATE TEMP TABLE changing (a int)");
        try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM changing")) {
            show("before", statement.executeQuery().getMetaData().getColumnCount());
            execute(connection, "ALTER TABLE changing ADD b text");
            show("after", statement.executeQuery().getMetaData().getColumnCount());
        }
    }

    static void kindsOfValues(Connection connection) throws Exception {
        for (int round = 0; round < 2; round++) {  // in text, then in binary
            show("values", query(connection,
                "SELECT ?::int2, ?::int8, ?::float4, ?::float8, ?::bool, ?::uuid, ?::bytea, ?::date::text, ?::json::text", 1, 1L << 62, 0.5f, 1e-7, true, new UUID(0, 5), new byte[] {0, -1}, "2024-02-29", "{\"a\": [1, null]}"));
            try (PreparedStatement statement = connection.prepareStatement(
                    "SELECT ?, ?::int[], ?::text[], ?::timestamptz, 'NaN'::numeric::text, '-infinity'::float8")) {
                statement.setObject(1, OffsetDateTime.parse("2024-02-29T12:34:56.789012Z"));
                statement.setArray(2, connection.createArrayOf("int4", new Integer[] {1, null, 3}));
                statement.setArray(3, connection.createArrayOf("text", new String[] {"a,b", "\"", null, ""}));
                statement.setString(4, "2024-02-29 12:34:56Z");
                ResultSet result = statement.executeQuery();
                result.next();
                show("others", result.getObject(1, OffsetDateTime.class), Arrays.toString((Object[]) result.getArray(2).getArray()),
                    Arrays.toString((Object[]) result.getArray(3).getArray()), result.getObject(4, OffsetDateTime.class),
                    result.getString(5), result.getDouble(6));
            }
            show("own", query(connection, "SELECT 'glad'::mood, int4range(1, 5), ROW(1, 'x')::pair, '{\"b\": 1.50}'::jsonb"));
        }
    }

    static void severalStatements(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            boolean isResult = statement.execute("SELECT 1; INSERT INTO sink VALUES (1); SELECT id, name FROM item WHERE id = 7; DELETE FROM sink");
            while (isResult || statement.getUpdateCount() >= 0) {
                show("part", isResult ? rows(statement.getResultSet()) : statement.getUpdateCount());
                isResult = statement.getMoreResults();
            }
            fails("second fails", () -> statement.execute("INSERT INTO sink VALUES (1); SELECT 1/0; SELECT 2"));
        }
        show("undone", query(connection, "SELECT count(*) FROM sink"));
    }

    static void emptyQueries(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            for (String sql : new String[] {"", " ; ", "-- nothing"}) show("empty", statement.execute(sql), statement.getUpdateCount());
        }
    }

    static void errors(Connection connection) throws Exception {
        fails("division", () -> query(connection, "SELECT 1/0"));
        fails("position and hint", () -> query(connection, "SELECT nmae FROM item WHERE id = ?", 1));
        fails("syntax", () -> query(connection, "SELECT ü FROM FROM item"));
        fails("parameter", () -> query(connection, "SELECT ?::int", "x"));
        fails("constraint", () -> execute(connection, "INSERT INTO kinds (id, positive) VALUES (1, -1)"));
        fails("raised", () -> query(connection, "SELECT complain(?)", "oh"));
        show("after", query(connection, BY_ID, 5));
    }

    static void notices(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            statement.execute("SELECT noisy(3)");
            warnings(statement.getWarnings());
            statement.execute("DO $$ BEGIN RAISE WARNING 'careful' USING HINT = 'a hint', DETAIL = 'a detail', ERRCODE = '01P01'; END $$");
            warnings(statement.getWarnings());
        }
    }

    static void batches(Connection connection) throws Exception {
        try (PreparedStatement statement = connection.prepareStatement("INSERT INTO sink VALUES (?, ?)", Statement.RETURN_GENERATED_KEYS)) {
            for (int i = 0; i < 1000; i++) {
                statement.setInt(1, i);
                statement.setString(2, i % 7 == 0 ? null : "row " + i);
                statement.addBatch();
            }
            show("batch", Arrays.stream(statement.executeBatch()).sum());
            show("keys", rows(statement.getGeneratedKeys()).size());
        }
        show("there", query(connection, "SELECT count(*), sum(id), count(label) FROM sink"));
        execute(connection, "DELETE FROM sink");
    }

    static void errorsInABatch(Connection connection) throws Exception {
        try (PreparedStatement statement = connection.prepareStatement("INSERT INTO kinds VALUES (?, ?)")) {
            for (int positive : new int[] {1, 2, -3, 4}) {
                statement.setInt(1, positive);
                statement.setInt(2, positive);
                statement.addBatch();
            }
            try {
                statement.executeBatch();
                throw new AssertionError("no error");
            } catch (BatchUpdateException error) {
                show("one is bad", Arrays.toString(error.getUpdateCounts()), said(error.getNextException()));
            }
        }
        show("undone", query(connection, "SELECT count(*) FROM kinds"));
        try (Statement statement = connection.createStatement()) {
            for (String sql : new String[] {"SELECT 1", "INSERT INTO sink VALUES (1)", "DELETE FROM sink"}) statement.addBatch(sql);
            show("of any kind", Arrays.toString(statement.executeBatch()));
        }
        show("after", query(connection, BY_ID, 5));
    }

    static void fetchSize(Connection connection) throws Exception {
        connection.setAutoCommit(false);
        try (PreparedStatement statement = connection.prepareStatement("SELECT id FROM item ORDER BY id LIMIT ?")) {
            statement.setFetchSize(2);
            statement.setInt(1, 7);
            show("two at a time", rows(statement.executeQuery()));
        }
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(3);
            ResultSet early = statement.executeQuery("SELECT generate_series(1, 1000000)");
            for (int i = 0; i < 5; i++) early.next();
            show("early", early.getInt(1));
            ResultSet broken = statement.executeQuery("SELECT 10 / (5 - n) FROM generate_series(1, 9) n");
            for (int i = 0; i < 3; i++) broken.next();
            show("before the error", broken.getInt(1));
            fails("broken", () -> rows(broken));
        }
        connection.rollback();
        show("after", query(connection, BY_ID, 6));
        connection.rollback();
    }

    static void rowLimit(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            statement.setMaxRows(3);
            show("three", rows(statement.executeQuery("SELECT id FROM item ORDER BY id")));
        }
        try (Statement statement = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
            execute(connection, "INSERT INTO kinds VALUES (1, 1), (2, 2)");
            ResultSet result = statement.executeQuery("SELECT id, positive FROM kinds ORDER BY id");
            result.last();
            result.updateInt(2, 20);
            result.updateRow();
            result.absolute(1);
            result.deleteRow();
            show("updated", query(connection, "SELECT * FROM kinds"));
            execute(connection, "DELETE FROM kinds");
        }
    }

    static void transactionsAndSavepoints(Connection connection) throws Exception {
        connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
        connection.setAutoCommit(false);
        show("insert", query(connection, "INSERT INTO sink VALUES (?, ?) RETURNING *", 1, "x"));
        Savepoint savepoint = connection.setSavepoint("a");
        fails("inside", () -> query(connection, "SELECT 1/0"));
        fails("aborted", () -> query(connection, BY_ID, 1));
        connection.rollback(savepoint);
        show("kept", query(connection, "SELECT id FROM sink"));
        connection.releaseSavepoint(savepoint);
        connection.rollback();
        show("outside", query(connection, "SELECT count(*) FROM sink"));
        connection.commit();
        connection.setReadOnly(true);
        fails("read only", () -> execute(connection, "INSERT INTO sink VALUES (1)"));
        connection.rollback();
    }

    static void savepointForEachStatement(Connection connection) throws Exception {
        connection.setAutoCommit(false);
        execute(connection, "INSERT INTO sink VALUES (1)");
        fails("inside", () -> query(connection, "SELECT 1/0"));
        show("goes on", query(connection, "SELECT id FROM sink"));
        connection.rollback();
    }

    static void copy(Connection connection) throws Exception {
        CopyManager manager = connection.unwrap(PGConnection.class).getCopyAPI();
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 20_000; i++) lines.append(i).append("\trow ").append(i).append(" ü\n");
        show("in", manager.copyIn("COPY sink FROM STDIN", new StringReader(lines.toString())));
        show("there", query(connection, "SELECT count(*), sum(id), md5(string_agg(label, ',' ORDER BY id)) FROM sink"));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        show("out", manager.copyOut("COPY sink TO STDOUT", out), digest(out.toByteArray()));
        execute(connection, "DELETE FROM sink");
        out.reset();
        show("binary out", manager.copyOut("COPY (SELECT id, name FROM item ORDER BY id) TO STDOUT (FORMAT binary)", out), digest(out.toByteArray()));
        show("binary in", manager.copyIn("COPY sink FROM STDIN (FORMAT binary)", new ByteArrayInputStream(out.toByteArray())));
        execute(connection, "DELETE FROM sink");
        fails("bad row", () -> manager.copyIn("COPY sink FROM STDIN", new StringReader("1\tone\nx\ttwo\n")));
        CopyIn given = manager.copyIn("COPY sink FROM STDIN");
        given.writeToCopy("1\tone\n".getBytes(StandardCharsets.UTF_8), 0, 6);
        given.cancelCopy();
        show("after", query(connection, "SELECT count(*) FROM sink"));
    }

    static void listenAndNotify(Connection connection) throws Exception {
        execute(connection, "LISTEN news; LISTEN \"Odd Näme\"");
        try (Connection other = connect()) {
            String[][] sent = {{"news", "hello"}, {"Odd Näme", "x".repeat(7999)}, {"news", ""}};
            for (String[] one : sent) query(other, "SELECT pg_notify(?, ?)", one[0], one[1]);
        }
        for (int heard = 0; heard < 3;) {
            for (PGNotification one : connection.unwrap(PGConnection.class).getNotifications(1000)) {
                show("heard", one.getName(), one.getParameter().length(), one.getParameter().substring(0, Math.min(9, one.getParameter().length())));
                heard++;
            }
        }
        execute(connection, "NOTIFY news, 'to myself'");
        show("own", connection.unwrap(PGConnection.class).getNotifications()[0].getParameter());
    }

    static void cancel(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            Thread cancels = new Thread(() -> {
                try (Connection other = connect()) {
                    while (query(other, "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'").isEmpty()) Thread.sleep(10);
                    statement.cancel();
                } catch (Exception error) {
                    error.printStackTrace();
                }
            });
            cancels.start();
            fails("cancelled", () -> statement.execute("SELECT pg_sleep(60)"));
            cancels.join();
            show("after", query(connection, BY_ID, 6));
        }
        try (Statement statement = connection.createStatement()) {
            statement.unwrap(PgStatement.class).setQueryTimeoutMs(100);
            fails("timeout", () -> statement.execute("SELECT pg_sleep(60)"));
        }
        execute(connection, "SET statement_timeout = '50ms'");
        fails("of the server", () -> query(connection, "SELECT pg_sleep(60)"));
    }

    static void tenMegabytes(Connection connection) throws Exception {
        String big = "z".repeat(10_000_000);
        show("text", query(connection, "SELECT length(v), v = repeat('z', 10000000) FROM (SELECT ?::text AS v) AS given", big));
        show("back", digest(((String) query(connection, "SELECT repeat('0123456789', 1000000)").get(0).get(0)).getBytes(StandardCharsets.UTF_8)));
        byte[] raw = new byte[10_000_000];
        for (int i = 0; i < raw.length; i++) raw[i] = (byte) new int[] {0, 1, 255, 10}[i % 4];
        show("both ways", query(connection, "SELECT ?::bytea", raw));
        try (PreparedStatement statement = connection.prepareStatement("SELECT length(?::bytea)")) {
            statement.setBinaryStream(1, new ByteArrayInputStream(raw), raw.length);
            show("stream", rows(statement.executeQuery()));
        }
    }

    static void largeObjects(Connection connection) throws Exception {
        connection.setAutoCommit(false);
        LargeObjectManager manager = connection.unwrap(PGConnection.class).getLargeObjectAPI();
        long oid = manager.createLO(LargeObjectManager.READWRITE);
        byte[] data = "lo".repeat(150_000).getBytes(StandardCharsets.UTF_8);
        try (LargeObject object = manager.open(oid, LargeObjectManager.READWRITE)) {
            object.write(data);
            object.seek(1001);
            show("read", digest(object.read(250_000)), object.tell64(), object.size64());
            object.truncate(10);
            show("size", object.size());
        }
        manager.delete(oid);
        fails("gone", () -> manager.open(oid, LargeObjectManager.READ));
        connection.rollback();
    }

    static void manyColumns(Connection connection) throws Exception {
        List<String> columns = new ArrayList<>();
        for (int i = 0; i < 1600; i++) columns.add(i + " AS column_" + i);
        List<Object> row = query(connection, "SELECT " + String.join(", ", columns)).get(0);
        show("columns", row.size(), digest(row.toString().getBytes(StandardCharsets.UTF_8)));
        Object[] values = new Object[2000];
        for (int i = 0; i < values.length; i++) values[i] = i;
        show("parameters", query(connection, "SELECT " + String.join(" + ", Collections.nCopies(2000, "?::int")), values));
    }

    static void metadata(Connection connection) throws Exception {
        show("columns", rows(connection.getMetaData().getColumns(null, "public", "item", null)).stream().map(row -> row.subList(2, 7)).toArray());
        try (PreparedStatement statement = connection.prepareStatement(BY_ID)) {
            show("parameter", statement.getParameterMetaData().getParameterTypeName(1), statement.getMetaData().getColumnTypeName(2));
        }
    }

    static void functionCall(Connection connection) throws Exception {
        try (var call = connection.prepareCall("{? = call noisy(?)}")) {
            call.registerOutParameter(1, Types.INTEGER);
            call.setInt(2, 2);
            call.execute();
            show("returned", call.getInt(1));
            warnings(call.getWarnings());
        }
    }

    static void settings(Connection connection) throws Exception {
        for (String name : List.of("application_name", "work_mem", "search_path", "extra_float_digits")) show(name, query(connection, "SHOW " + name));
        show("row", query(connection, BY_ID, 3), connection.getSchema());
        show("reported", connection.unwrap(PGConnection.class).getParameterStatus("TimeZone"), connection.getMetaData().getDatabaseMajorVersion());
    }

    static void terminated(Connection connection) throws Exception {
        fails("terminated", () -> query(connection, "SELECT pg_terminate_backend(pg_backend_pid())"));
        show("closed", connection.isClosed());
    }

    public static void main(String[] arguments) throws Exception {
        wanted = arguments.length > 0 ? arguments[0] : null;
        System.setOut(new java.io.PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), true, "UTF-8"));
        test("parameters", Jdbc::parameters);
        test("prepared on the server", Jdbc::preparedOnTheServer);
        test("binary at once", Jdbc::preparedOnTheServer, "prepareThreshold", "-1");
        test("forgotten statement", Jdbc::forgottenStatement, "prepareThreshold", "1");
        test("changed under a statement", Jdbc::changedUnderAStatement, "prepareThreshold", "1");
        test("kinds of values", Jdbc::kindsOfValues);
        test("kinds of values in binary", Jdbc::kindsOfValues, "prepareThreshold", "-1");
        test("several statements", Jdbc::severalStatements);
        test("empty queries", Jdbc::emptyQueries);
        test("errors", Jdbc::errors);
        test("simple protocol", Jdbc::errors, "preferQueryMode", "simple");
        test("everything cached", Jdbc::parameters, "preferQueryMode", "extendedCacheEverything");
        test("notices", Jdbc::notices);
        test("batches", Jdbc::batches);
        test("batches rewritten", Jdbc::batches, "reWriteBatchedInserts", "true");
        test("errors in a batch", Jdbc::errorsInABatch);
        test("fetch size", Jdbc::fetchSize);
        test("row limit", Jdbc::rowLimit);
        test("transactions and savepoints", Jdbc::transactionsAndSavepoints);
        test("savepoint for each statement", Jdbc::savepointForEachStatement, "autosave", "always");
        test("COPY", Jdbc::copy);
        test("LISTEN and NOTIFY", Jdbc::listenAndNotify);
        test("cancel", Jdbc::cancel);
        test("ten megabytes", Jdbc::tenMegabytes);
        test("large objects", Jdbc::largeObjects);
        test("many columns", Jdbc::manyColumns);
        test("metadata", Jdbc::metadata);
        test("function call", Jdbc::functionCall, "escapeSyntaxCallMode", "select");
        test("settings", Jdbc::settings, "ApplicationName", "odd 'näme'", "options", "-c work_mem=3MB", "currentSchema", "elsewhere,public");
        test("as it begins by default", Jdbc::settings, "assumeMinServerVersion", "");
        test("terminated", Jdbc::terminated);
        if (wanted == null || "failing logins".contains(wanted)) logins();
        System.out.println("done " + done + " cases");
    }
}
