// Logs in once for each line of the input, `driver port tls|plain user password`, and answers each with a line: `works USER`, or
// the error's code and message. The authority whose certificates are trusted: PGSSLROOTCERT.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Properties;

public class Logins {
    static String login(String[] cell) {
        Properties properties = new Properties();
        properties.setProperty("user", cell[3]);
        properties.setProperty("password", cell[4]);
        properties.setProperty("sslmode", cell[2].equals("tls") ? "verify-full" : "disable");
        properties.setProperty("sslrootcert", System.getenv("PGSSLROOTCERT"));
        try (Connection connection = DriverManager.getConnection("jdbc:postgresql://127.0.0.1:" + cell[1] + "/postgres", properties);
             ResultSet result = connection.createStatement().executeQuery("SELECT current_user")) {
            result.next();
            return "works " + result.getString(1);
        } catch (SQLException error) {
            return error.getSQLState() + " " + error.getMessage().replace('\n', ' ');
        }
    }

    public static void main(String[] arguments) throws Exception {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        for (String line = input.readLine(); line != null; line = input.readLine()) System.out.println(login(line.split("\t")));
    }
}
