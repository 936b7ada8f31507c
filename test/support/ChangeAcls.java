import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Scanner;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/**
 * Creates or deletes ACLs, as Strimzi's user operator does from a KafkaUser; the Node client has no call for it.
 * Arguments: the bootstrap address, "create" or "delete", and for each ACL
 * "user resourceType resourceName patternType operation".
 */
public final class ChangeAcls {
    public static void main(String[] args) throws Exception {
        List<AclBinding> bindings = new ArrayList<>();
        for (int i = 2; i < args.length; i++) {
            Scanner words = new Scanner(args[i]);
            String principal = "User:" + words.next();
            ResourceType type = ResourceType.fromString(words.next());
            ResourcePattern resource = new ResourcePattern(type, words.next(), PatternType.fromString(words.next()));
            AclOperation operation = AclOperation.fromString(words.next());
            bindings.add(new AclBinding(resource,
                new AccessControlEntry(principal, "*", operation, AclPermissionType.ALLOW)));
        }
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", args[0]))) {
            if (args[1].equals("create")) admin.createAcls(bindings).all().get();
            else admin.deleteAcls(bindings.stream().map(AclBinding::toFilter).toList()).all().get();
        }
    }
}
