// What the cases of Jdbc.java share: sessions, printed results, errors reduced to what the server said.
import java.security.MessageDigest;
import java.sql.Array;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.postgresql.util.PSQLException;
import org.postgresql.util.PSQLWarning;
import org.postgresql.util.ServerErrorMessage;

class JdbcSupport {
    interface Run { void with(Connection connection) throws Exception; }
    interface Step { void run() throws Exception; }

    static String env(String name) { return System.getenv().getOrDefault(name, ""); }

    /** Properties come in pairs. Each case has its own session, so that a SET in one hides nothing of the next. */
    static Connection connect(String... properties) throws SQLException {
        Properties all = new Properties();
        all.setProperty("user", env("PGUSER"));
        all.setProperty("password", env("PGPASSWORD"));
        all.setProperty("sslmode", env("PGSSLMODE"));
        if (!env("PGSSLROOTCERT").isEmpty()) all.setProperty("sslrootcert", env("PGSSLROOTCERT"));
        // Older servers are the reason why the driver begins each session with two SETs; with this it does not.
        all.setProperty("assumeMinServerVersion", "9.4");
        String database = env("PGDATABASE");
        for (int i = 0; i < properties.length; i += 2) {
            if (properties[i].equals("database")) database = properties[i + 1];
            else all.setProperty(properties[i], properties[i + 1]);
        }
        return DriverManager.getConnection("jdbc:postgresql://" + env("PGHOST") + ":" + env("PGPORT") + "/" + database, all);
    }

    static void show(String label, Object... values) {
        System.out.println("  " + label + " " + Arrays.deepToString(values));
    }

    static String digest(byte[] data) throws Exception {
        return data.length + " " + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-1").digest(data));
    }

    static Map<String, Object> said(ServerErrorMessage message) {
        Map<String, Object> fields = new LinkedHashMap<>();
        Object[] pairs = {"severity", message.getSeverity(), "code", message.getSQLState(), "message", message.getMessage(), "detail",
            message.getDetail(), "hint", message.getHint(), "position", message.getPosition(), "where", message.getWhere(), "schema",
            message.getSchema(), "table", message.getTable(), "column", message.getColumn(), "type", message.getDatatype(), "constraint",
            message.getConstraint(), "routine", message.getRoutine()};
        for (int i = 0; i < pairs.length; i += 2) if (pairs[i + 1] != null && !pairs[i + 1].equals(0)) fields.put((String) pairs[i], pairs[i + 1]);
        return fields;
    }

    static Object said(SQLException error) {
        boolean fromServer = error instanceof PSQLException && ((PSQLException) error).getServerErrorMessage() != null;
        return fromServer ? said(((PSQLException) error).getServerErrorMessage()) : error.getSQLState() + " " + error.getMessage();
    }

    static void fails(String label, Step step) throws Exception {
        try {
            step.run();
        } catch (SQLException error) {
            show(label, said(error));
            return;
        }
        throw new AssertionError(label + ": no error");
    }

    static void warnings(SQLWarning warning) {
        for (; warning != null; warning = warning.getNextWarning()) show("notice", said(((PSQLWarning) warning).getServerErrorMessage()));
    }

    static List<List<Object>> rows(ResultSet result) throws Exception {
        List<List<Object>> all = new ArrayList<>();
        while (result.next()) {
            List<Object> row = new ArrayList<>();
            for (int i = 1; i <= result.getMetaData().getColumnCount(); i++) {
                Object value = result.getObject(i);
                if (value instanceof byte[]) value = digest((byte[]) value);
                if (value instanceof Array) value = Arrays.deepToString((Object[]) ((Array) value).getArray());
                row.add(value);
            }
            all.add(row);
        }
        return all;
    }

    static List<List<Object>> query(Connection connection, String sql, Object... values) throws Exception {
        if (values.length == 0) {
            try (Statement statement = connection.createStatement()) { return rows(statement.executeQuery(sql)); }
        }
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) statement.setObject(i + 1, values[i]);
            return rows(statement.executeQuery());
        }
    }

    static void execute(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) { statement.execute(sql); }
    }

    /** The part of a name that cases must have to be run; null: all run. */
    static String wanted = null;
    static int done = 0;

    static void test(String name, Run run, String... properties) throws Exception {
        if (wanted != null && !name.contains(wanted)) return;
        System.out.println("== " + name);
        try (Connection connection = connect(properties)) { run.with(connection); }
        done++;
    }

    static void logins() throws Exception {
        String[][] all = {{"user", "locked_jdbc", "password", "wrong"}, {"user", "no_such_jdbc"}, {"database", "nowhere"},
            {"options", "-c nonsense=1"}};
        System.out.println("== failing logins");
        for (String[] properties : all) fails(properties[1], () -> connect(properties));
        done++;
    }
}
